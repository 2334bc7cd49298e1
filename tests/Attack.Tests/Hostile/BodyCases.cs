using System.IO.Compression;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using OpsPlatform.Attack.Tests.Api;

namespace OpsPlatform.Attack.Tests.Hostile;

/// <summary>A JSON body spoilt member by member, and as a whole.</summary>
public static class BodyCases
{
    private const int MaxBodyBytes = 1024 * 1024;

    public static IEnumerable<Case> Of(Schema schema, JsonNode example) => Members(schema, example).Concat(Whole(example));

    private static IEnumerable<Case> Members(Schema schema, JsonNode example)
    {
        foreach (var place in JsonPlace.Of(schema, example))
        {
            foreach (var value in JsonValues.For(place.Schema))
            {
                yield return new($"{place} = {Short(value.Name)}", value.MustRefuse, Bytes(body => place.Put(body, value.Raw)));
            }

            if (place.IsRequired && !place.IsBase)
            {
                yield return new($"{place} missing", true, Bytes(place.Leave));
            }

            if (place.Schema.Kind == "object" && place.In(example) is JsonObject { Count: > 0 } members)
            {
                yield return new($"{place} with an unknown member", true, Bytes(body => place.Put(body, Extended(place, body, "\"no_such_member\":1"))));
                var first = members.First();
                yield return new($"{place} with {first.Key} twice", true, Bytes(body =>
                    place.Put(body, Extended(place, body, $"\"{first.Key}\":{((JsonObject)place.In(body)!)[first.Key]?.ToJsonString() ?? "null"}"))));
                yield return new($"{place} with {first.Key} in capitals", true, Bytes(body =>
                    place.Put(body, Extended(place, body, $"\"{first.Key.ToUpperInvariant()}\":1"))));
            }
        }
    }

    private static IEnumerable<Case> Whole(JsonNode example)
    {
        Case Raw(string name, Func<byte[], byte[]> make) => new(name, true, Bytes(body => make(Encoding.UTF8.GetBytes(body.ToJsonString()))));
        yield return new("no body", true, shot => shot with { Call = shot.Call with { Json = null } });
        yield return Raw("an empty body", _ => []);
        yield return Raw("blanks", _ => "   "u8.ToArray());
        yield return Raw("half a body", body => body[..(body.Length / 2)]);
        yield return Raw("something behind the body", body => [.. body, .. "garbage"u8]);
        yield return Raw("the body twice", body => [.. body, .. body]);
        yield return Raw("a comment", body => [.. "/* hello */"u8, .. body]);
        yield return Raw("a comma too many", body => [.. body[..^1], .. ",}"u8]);
        yield return Raw("NUL behind the body", body => [.. body, 0]);
        yield return Raw("UTF-16", body => Encoding.Unicode.GetBytes(Encoding.UTF8.GetString(body)));
        yield return Raw("UTF-16 with its mark", body => [0xFF, 0xFE, .. Encoding.Unicode.GetBytes(Encoding.UTF8.GetString(body))]);
        yield return Raw("UTF-32", body => Encoding.UTF32.GetBytes(Encoding.UTF8.GetString(body)));
        yield return Raw("noise", _ => [.. Enumerable.Range(0, 256).Select(value => (byte)value)]);
        yield return Raw("10,000 levels of objects", _ => Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("{\"a\":", 10_000)) + "1" + new string('}', 10_000)));
        yield return new("a byte more than may be sent", true, Bytes(_ => [.. Enumerable.Repeat((byte)' ', MaxBodyBytes + 1)]), 413);
        foreach (var type in (string?[])["text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/octet-stream", "garbage", "application/json; charset=latin1", "application/json; charset=utf-16", null])
        {
            yield return new($"content type {type ?? "left out"}", true, Typed(type), 415);
        }

        foreach (var coding in (string[])["gzip", "br", "deflate", "bogus"])
        {
            yield return new($"{coding}, said only", true, Coded(coding, body => body), 415);
        }

        yield return new("a gzip bomb", true, Coded("gzip", _ => Bomb), 400, 413, 415);
    }

    private static readonly byte[] Bomb = MakeBomb();

    private static byte[] MakeBomb()
    {
        using var memory = new MemoryStream();
        using (var zip = new GZipStream(memory, CompressionLevel.SmallestSize))
        {
            var zeros = new byte[1024 * 1024];
            for (var i = 0; i < 100; i++)
            {
                zip.Write(zeros);
            }
        }

        return memory.ToArray();
    }

    private static Func<Shot, Shot> Bytes(Func<JsonNode, byte[]> make) => shot =>
    {
        var bytes = make(shot.Call.Json!);
        return shot with { Body = () => Sender.Json(bytes) };
    };

    private static Func<Shot, Shot> Typed(string? type) => shot =>
    {
        var bytes = Encoding.UTF8.GetBytes(shot.Call.Json!.ToJsonString());
        return shot with
        {
            Body = () =>
            {
                var content = new ByteArrayContent(bytes);
                if (type is not null)
                {
                    content.Headers.TryAddWithoutValidation("Content-Type", type);
                }

                return content;
            },
        };
    };

    private static Func<Shot, Shot> Coded(string coding, Func<byte[], byte[]> make) => shot =>
    {
        var bytes = make(Encoding.UTF8.GetBytes(shot.Call.Json!.ToJsonString()));
        return shot with { Body = () => new ByteArrayContent(bytes) { Headers = { ContentType = new MediaTypeHeaderValue("application/json"), ContentEncoding = { coding } } } };
    };

    /// <summary>The object at the place with one member more, in bytes, so that it may have a name twice.</summary>
    private static byte[] Extended(JsonPlace place, JsonNode body, string member) =>
        Encoding.UTF8.GetBytes($"{place.In(body)!.ToJsonString()[..^1]},{member}}}");

    private static string Short(string name) => name.Length <= 60 ? name : $"{name[..60]}…";
}
