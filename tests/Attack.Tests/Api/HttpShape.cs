using System.Text.Json.Nodes;

namespace OpsPlatform.Attack.Tests.Api;

/// <summary>The HTTP API as lines: an operation, its parameters, and every member of what is sent and answered.</summary>
public static class HttpShape
{
    private const int MaxDepth = 8;

    public static Dictionary<string, string> Lines(ApiDescription api)
    {
        Dictionary<string, string> lines = [];
        foreach (var operation in api.Operations)
        {
            lines[operation.Key] = operation.NeedsToken ? "with a token" : "open";
            foreach (var parameter in operation.Parameters)
            {
                Add(lines, $"{operation.Key} {parameter.In} {parameter.Name}", parameter.Schema, parameter.IsRequired ? ", required" : "");
            }

            if (operation.Body is { } body)
            {
                Add(lines, $"{operation.Key} request", body, ", required");
            }

            foreach (var (status, response) in operation.Document["responses"] as JsonObject ?? [])
            {
                if (!status.StartsWith('2'))
                {
                    continue;
                }

                lines[$"{operation.Key} {status}"] = string.Join(", ", (response!["content"] as JsonObject ?? []).Select(content => content.Key).Order(StringComparer.Ordinal)) is { Length: > 0 } types ? types : "nothing";
                if (response["content"]?["application/json"]?["schema"] is JsonObject schema)
                {
                    Add(lines, $"{operation.Key} {status} answer", new Schema(api.Document, schema), "");
                }
            }
        }

        return lines;
    }

    /// <summary>Why somebody who uses the API as it was would be broken.</summary>
    public static string? Broken(string key, string? before, string? after, IReadOnlyDictionary<string, string> recorded)
    {
        var isAnswer = key.Contains(" answer", StringComparison.Ordinal);
        return (before, after) switch
        {
            (not null, null) when key.Contains(" = ", StringComparison.Ordinal) => "this value is no longer known",
            (not null, null) => "somebody uses it",
            // A caller may go on sending what need not be sent any more.
            (not null, not null) when !isAnswer && before == after + ", required" => null,
            (not null, not null) when !isAnswer && before == after.Replace("?", "", StringComparison.Ordinal) => null,
            (not null, not null) => "somebody relies on how it was",
            (null, not null) when !isAnswer && after.EndsWith(", required", StringComparison.Ordinal) && !key.EndsWith(" request", StringComparison.Ordinal)
                && recorded.ContainsKey(ParentOf(key)) => "callers of yesterday do not send it: let it be left out",
            _ => null,
        };
    }

    /// <summary>The operation of a parameter; of a member, what it is a member of.</summary>
    private static string ParentOf(string key) => key.LastIndexOf('.') is var dot && key.Contains(" request", StringComparison.Ordinal) && dot > 0
        ? key[..dot]
        : string.Join(' ', key.Split(' ').Take(2));

    private static void Add(Dictionary<string, string> lines, string key, Schema schema, string more, int depth = 0)
    {
        lines[key] = $"{schema.Kind}{(schema.Format is { } format ? " " + format : "")}{(schema.IsNullable ? "?" : "")}{more}";
        if (depth >= MaxDepth)
        {
            return;
        }

        if (schema.Kind == "enum")
        {
            foreach (var value in schema.Values)
            {
                lines[$"{key} = {value}"] = "known";
            }
        }

        if (schema.Items is { } items)
        {
            Add(lines, $"{key}[]", items, "", depth + 1);
        }

        foreach (var (name, member) in schema.Properties)
        {
            Add(lines, $"{key}.{name}", member, schema.Required.Contains(name) ? ", required" : "", depth + 1);
        }
    }
}
