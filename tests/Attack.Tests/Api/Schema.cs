using System.Text.Json.Nodes;

namespace OpsPlatform.Attack.Tests.Api;

/// <summary>A JSON schema of the document, with references followed and `null` told apart from the type it may stand for.</summary>
public sealed class Schema
{
    private readonly JsonObject _root;
    private readonly JsonObject _node;

    public Schema(JsonObject root, JsonObject node)
    {
        _root = root;
        (_node, IsNullable) = Resolve(root, node, false);
    }

    public bool IsNullable { get; }

    /// <summary>object, array, string, integer, number, boolean, enum, or any.</summary>
    public string Kind => _node["enum"] is not null ? "enum"
        : Types(_node).FirstOrDefault(type => type != "null") ?? (_node["properties"] is not null ? "object" : "any");

    public string? Format => _node["format"]?.GetValue<string>();

    public IReadOnlyList<string> Values => [.. _node["enum"]!.AsArray().Where(value => value is not null).Select(value => value!.ToString())];

    public int? MaxLength => (int?)_node["maxLength"];

    public int? MaxItems => (int?)_node["maxItems"];

    public decimal? Minimum => Number("minimum");

    public decimal? Maximum => Number("maximum");

    public IReadOnlyDictionary<string, Schema> Properties =>
        (_node["properties"] as JsonObject ?? []).ToDictionary(property => property.Key, property => new Schema(_root, property.Value!.AsObject()));

    public IReadOnlyList<string> Required => [.. (_node["required"] as JsonArray ?? []).Select(name => name!.GetValue<string>())];

    public Schema? Items => _node["items"] is JsonObject items ? new(_root, items) : null;

    private decimal? Number(string name) => _node[name] is { } value && decimal.TryParse(value.ToString(), out var number) ? number : null;

    private static (JsonObject Node, bool IsNullable) Resolve(JsonObject root, JsonObject node, bool isNullable)
    {
        if (node["$ref"]?.GetValue<string>() is { } reference)
        {
            var target = reference.TrimStart('#', '/').Split('/').Aggregate((JsonNode)root, (at, name) => at is JsonArray list ? list[int.Parse(name)]! : at[name]!);
            return Resolve(root, target.AsObject(), isNullable);
        }

        isNullable |= Types(node).Contains("null");
        return (node["oneOf"] ?? node["anyOf"]) is JsonArray choices
            ? Resolve(root, choices.OfType<JsonObject>().First(choice => choice["type"]?.ToString() != "null"), isNullable || choices.Any(choice => choice!["type"]?.ToString() == "null"))
            : (node, isNullable);
    }

    private static IEnumerable<string> Types(JsonObject node) => node["type"] switch
    {
        JsonArray several => several.Select(type => type!.GetValue<string>()),
        JsonValue one => [one.GetValue<string>()],
        _ => [],
    };
}
