using System.Text;
using System.Text.Json.Nodes;
using OpsPlatform.Attack.Tests.Api;

namespace OpsPlatform.Attack.Tests.Hostile;

/// <summary>One member somewhere in a body.</summary>
/// <param name="Path">Names and, within lists, 0: the first item stands for all.</param>
/// <param name="IsBase">The body itself.</param>
public sealed record JsonPlace(IReadOnlyList<string> Path, Schema Schema, bool IsRequired)
{
    private const string Mark = "@@here@@";
    private const int MaxDepth = 8;

    public bool IsBase => Path.Count == 0;

    public override string ToString() => IsBase ? "body" : string.Join('.', Path);

    /// <summary>All places of a body, outermost first.</summary>
    public static IEnumerable<JsonPlace> Of(Schema schema, JsonNode? body) => Below(new([], schema, true), body);

    /// <summary>The places that could not be gone into, because the body has no value there.</summary>
    public static IEnumerable<JsonPlace> Unreached(Schema schema, JsonNode? body) =>
        Of(schema, body).Where(place => place.Schema.Kind is "object" or "array" && place.Schema is { Properties.Count: > 0 } or { Items: not null } && place.In(body) is null);

    public JsonNode? In(JsonNode? body) => Path.Aggregate(body, (at, name) => at is JsonArray list ? list.FirstOrDefault() : at?[name]);

    /// <summary>The body with other bytes at this place.</summary>
    public byte[] Put(JsonNode body, byte[] raw)
    {
        if (IsBase)
        {
            return raw;
        }

        var clone = body.DeepClone();
        var parent = (this with { Path = [.. Path.SkipLast(1)] }).In(clone)!;
        if (parent is JsonArray list)
        {
            list[0] = Mark;
        }
        else
        {
            parent[Path[^1]] = Mark;
        }

        var (before, after) = clone.ToJsonString().Split($"\"{Mark}\"") is [var head, var tail] ? (head, tail) : throw new InvalidOperationException("The mark was lost.");
        return [.. Encoding.UTF8.GetBytes(before), .. raw, .. Encoding.UTF8.GetBytes(after)];
    }

    /// <summary>The body without this member.</summary>
    public byte[] Leave(JsonNode body)
    {
        var clone = body.DeepClone();
        ((this with { Path = [.. Path.SkipLast(1)] }).In(clone) as JsonObject)?.Remove(Path[^1]);
        return Encoding.UTF8.GetBytes(clone.ToJsonString());
    }

    private static IEnumerable<JsonPlace> Below(JsonPlace place, JsonNode? value)
    {
        yield return place;
        if (place.Path.Count >= MaxDepth || value is null)
        {
            yield break;
        }

        var children = place.Schema.Kind switch
        {
            "object" => place.Schema.Properties.Select(member => (
                new JsonPlace([.. place.Path, member.Key], member.Value, place.Schema.Required.Contains(member.Key)), (value as JsonObject)?[member.Key])),
            "array" when place.Schema.Items is { } items && value is JsonArray { Count: > 0 } list => [(new JsonPlace([.. place.Path, "0"], items, false), list[0])],
            _ => [],
        };
        foreach (var (child, childValue) in children)
        {
            foreach (var found in Below(child, childValue))
            {
                yield return found;
            }
        }
    }
}
