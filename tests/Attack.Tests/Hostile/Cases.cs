using System.Text;
using OpsPlatform.Attack.Tests.Api;
using OpsPlatform.Attack.Tests.Fixtures;

namespace OpsPlatform.Attack.Tests.Hostile;

/// <summary>All the ways an operation is attacked, made from what the document says of it.</summary>
public static class Cases
{
    private static readonly string[] Methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BOGUS"];

    /// <param name="example">A valid request.</param>
    /// <param name="others">Methods the document has for the same path.</param>
    public static IEnumerable<Case> Of(Operation operation, Call example, IReadOnlyCollection<string> others, Random random) =>
    [
        .. operation.Body is { } body && example.Json is { } json ? BodyCases.Of(body, json) : [],
        .. Form(example),
        .. Paths(operation),
        .. Queries(operation, random),
        .. operation.NeedsToken ? Tokens().Where(hostile => example.Past is null) : [],
        .. Headers(operation, example),
        .. Methods.Except(others).Select(method => new Case($"method {method}", true, shot => shot with { Call = shot.Call with { Method = method } }, operation.NeedsToken ? [404, 405] : [401, 404, 405])),
    ];

    private static IEnumerable<Case> Form(Call example)
    {
        foreach (var (name, value) in example.Form ?? [])
        {
            Case Put(string what, string text, bool mustRefuse = false) => new($"form {name} {what}", mustRefuse, shot => shot with
            {
                Call = shot.Call with { Form = [.. shot.Call.Form!.Select(field => field.Name == name ? (name, text) : field)] },
            });
            yield return Put("empty", "");
            yield return Put("of 300,000 characters", new string('a', 300_000));
            yield return Put("with NUL", "a\0b");
            yield return Put("spoilt", value + "x");
            yield return new($"form {name} missing", false, shot => shot with { Call = shot.Call with { Form = shot.Call.Form!.RemoveAll(field => field.Name == name) } });
            yield return new($"form {name} twice", false, shot => shot with { Call = shot.Call with { Form = shot.Call.Form!.Add((name, value)) } });
        }

        if (example.Form is not null)
        {
            yield return new("JSON for a form", true, shot => shot with { Body = () => Sender.Json("{}"u8.ToArray()) });
            yield return new("a form that is none", true, shot => shot with { Body = () => new StringContent("%%%=%zz&&&", Encoding.UTF8, "application/x-www-form-urlencoded") });
            yield return new("nothing for a form", true, shot => shot with { Call = shot.Call with { Form = null } });
        }
    }

    private static IEnumerable<Case> Paths(Operation operation)
    {
        var segments = operation.Path.Split('/');
        for (var i = 0; i < segments.Length; i++)
        {
            if (!segments[i].StartsWith('{'))
            {
                continue;
            }

            var place = i;
            var schema = operation.Parameters.First(parameter => parameter.In == "path" && segments[place].TrimStart('{').TrimEnd('}') == parameter.Name).Schema;
            foreach (var text in TextValues.ForPath(schema, operation.Path.StartsWith("/registry/services/{service}/instances/", StringComparison.Ordinal)))
            {
                yield return new($"{segments[i]} = {text}", text.MustRefuse, shot => shot with { Call = shot.Call with { Path = Replaced(shot.Call.Path, place, text.Value) } });
            }
        }

        yield return new("a path that goes on", true, shot => shot with { Call = shot.Call with { Path = shot.Call.Path + "/no-such-thing" } });
        yield return new("a path with two slashes", true, shot => shot with { Call = shot.Call with { Path = "/" + shot.Call.Path } });
    }

    private static IEnumerable<Case> Queries(Operation operation, Random random)
    {
        foreach (var parameter in operation.Parameters.Where(parameter => parameter.In == "query"))
        {
            foreach (var text in TextValues.ForQuery(parameter, random))
            {
                yield return new($"?{parameter.Name}={Short(text.ToString())}", text.MustRefuse, Set(parameter.Name, text.Value));
            }

            yield return new($"?{parameter.Name} twice", false, shot => shot with { Call = shot.Call.WithQuery(parameter.Name, "a").WithQuery(parameter.Name, "1") });
            if (parameter.Schema.MaxItems is { } max)
            {
                yield return new($"?{parameter.Name} {max + 1} times", true, shot => shot with { Call = shot.Call with { Query = [.. shot.Call.Query, .. Enumerable.Repeat((parameter.Name, "x"), max + 1)] } });
            }
        }

        yield return new("an unknown parameter", false, shot => shot with { Call = shot.Call.WithQuery("no such parameter", "\0") });
        yield return new("1,500 parameters", false, shot => shot with { Call = shot.Call with { Query = [.. shot.Call.Query, .. Enumerable.Repeat(("a", "b"), 1500)] } });
    }

    private static IEnumerable<Case> Tokens()
    {
        Case Header(string name, string? value) => new($"Authorization: {name}", true, shot => shot with
        {
            Token = null,
            Call = (value is null ? shot.Call : shot.Call.WithHeader("Authorization", value)) with { Credentials = null },
        }, 401);
        yield return Header("none", null);
        yield return Header("empty", "");
        yield return Header("Bearer", "Bearer");
        yield return Header("rubbish", "Bearer x.y.z");
        yield return Header("four parts", "Bearer a.b.c.d");
        yield return Header("Basic", "Basic b3duZXI6b3duZXI=");
        yield return Header("9,000 characters", "Bearer " + new string('a', 9000));
        yield return Header("no text", "Bearer \u00e4\u00ff\u0080") with { Statuses = [400, 401] };
        yield return Header("alg none", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.");
        yield return new("Authorization: a byte changed", true, shot => shot with { Token = Changed(shot.Token!), Call = shot.Call with { Credentials = null } }, 401);
        yield return new("Authorization: another payload", true, shot => shot with { Token = Promoted(shot.Token!), Call = shot.Call with { Credentials = null } }, 401);
        yield return new("Authorization: twice", true, shot => shot with { Token = null, Call = shot.Call.WithHeader("Authorization", $"Bearer {shot.Token}, Bearer {shot.Token}") with { Credentials = null } }, 401);
    }

    private static IEnumerable<Case> Headers(Operation operation, Call example)
    {
        (string Name, string Value)[] odd =
        [
            ("X-Correlation-Id", "not-a-uuid"), ("X-Correlation-Id", new string('a', 5000)), ("X-Correlation-Id", "00000000-0000-0000-0000-000000000000"),
            ("Accept", "text/html;q=bogus, */*;q=zz, ;;;"), ("Accept", "application/xml"), ("Accept-Encoding", "gzip;q=x, br;q=9, \u00ff"), ("Accept-Language", "\u00e4;q=1"), ("traceparent", "00-zzzz-zz-zz"), ("tracestate", new string('a', 4000)),
            ("baggage", "a=\u00ff;;=,"), ("If-None-Match", "\"\u00ff"), ("If-Match", "\u00c3\u00a4"), ("Range", "bytes=5-1"), ("X-HTTP-Method-Override", "DELETE"), ("X-Forwarded-For", "\u00ff"),
            ("X-Forwarded-Host", "evil.example"), ("Cookie", "a=\u00ff; ;=;"), ("Expect", "100-continue"), ("Idempotency-Key", "\"odd\u00e4\""), ("Prefer", "return=minimal"),
        ];
        // One at a time where it costs nothing; together where each accepted request uses something up.
        if (operation.Method == "GET")
        {
            foreach (var (name, value) in odd)
            {
                yield return new($"{name}: {Short(value)}", false, shot => shot with { Call = shot.Call.WithHeader(name, value) });
            }
        }
        else
        {
            yield return new("odd headers", false, shot => shot with { Call = shot.Call with { Headers = [.. shot.Call.Headers, .. odd.DistinctBy(header => header.Name)] } });
            yield return new("Idempotency-Key of 5,000 characters", false, shot => shot with { Call = shot.Call.WithHeader("Idempotency-Key", new string('k', 5000)) });
            yield return new("an empty Idempotency-Key", false, shot => shot with { Call = shot.Call.WithHeader("Idempotency-Key", "") });
        }

        foreach (var parameter in operation.Parameters.Where(parameter => parameter.In == "header"))
        {
            foreach (var value in (string[])["x", "-1", "99999999999999999999", "\u00ff", new string('1', 4000), "1,2", ""])
            {
                yield return new($"{parameter.Name}: {Short(value)}", false, shot => shot with { Call = shot.Call.WithHeader(parameter.Name, value) });
            }
        }

        if (example.Headers.Any(header => header.Name == "Prefer"))
        {
            foreach (var value in (string[])["wait=x", "wait=-1", "wait=99999999999999999999", "wait=1.5", "wait", "wait="])
            {
                yield return new($"Prefer: {value}", true, shot => shot with { Call = shot.Call with { Headers = [.. shot.Call.Headers.Where(header => header.Name != "Prefer"), ("Prefer", value)] } }, 400);
            }
        }
    }

    private static Func<Shot, Shot> Set(string name, string value) => shot => shot with
    {
        Call = shot.Call with { Query = [.. shot.Call.Query.Where(pair => pair.Name != name), (name, value)] },
    };

    private static string Replaced(string path, int place, string value)
    {
        var segments = path.Split('/');
        segments[place] = value;
        return string.Join('/', segments);
    }

    private static string Changed(string token) => token[..^10] + (token[^10] == 'A' ? 'B' : 'A') + token[^9..];

    /// <summary>Says it is the operator's, under the old signature.</summary>
    private static string Promoted(string token)
    {
        var parts = token.Split('.');
        var payload = Encoding.UTF8.GetString(Convert.FromBase64String(parts[1].Replace('-', '+').Replace('_', '/').PadRight((parts[1].Length + 3) / 4 * 4, '=')));
        var changed = Convert.ToBase64String(Encoding.UTF8.GetBytes(payload.Replace("\"owner\"", "\"operator\"", StringComparison.Ordinal))).Replace('+', '-').Replace('/', '_').TrimEnd('=');
        return $"{parts[0]}.{changed}.{parts[2]}";
    }

    private static string Short(string value) => value.Length <= 60 ? value : $"{value[..60]}…";
}
