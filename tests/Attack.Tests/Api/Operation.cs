using System.Text.Json.Nodes;

namespace OpsPlatform.Attack.Tests.Api;

/// <summary>One operation of the OpenAPI document.</summary>
/// <param name="Path">The template, such as /orders/{id}.</param>
/// <param name="Body">The schema of its JSON body; null without one.</param>
public sealed record Operation(string Method, string Path, IReadOnlyList<Parameter> Parameters, Schema? Body, bool NeedsToken, JsonObject Document)
{
    /// <summary>As the fixtures name it.</summary>
    public string Key => $"{Method} {Path}";

    /// <summary>The extension the document gives the operation, such as x-required-role.</summary>
    public string? Extension(string name) => Document[name]?.GetValue<string>();

    public override string ToString() => Key;
}

/// <param name="In">path, query or header.</param>
public sealed record Parameter(string Name, string In, Schema Schema, bool IsRequired);

/// <summary>The operations of a merged document, and its schemas with references followed.</summary>
public sealed class ApiDescription(JsonObject document)
{
    private static readonly string[] Methods = ["get", "post", "put", "patch", "delete", "head", "options"];

    public JsonObject Document => document;

    public IReadOnlyList<Operation> Operations { get; } =
    [
        .. from path in document["paths"]!.AsObject()
           from item in path.Value!.AsObject()
           where Methods.Contains(item.Key)
           select Read(document, path.Key, item.Key, item.Value!.AsObject()),
    ];

    private static Operation Read(JsonObject document, string path, string method, JsonObject operation) => new(
        method.ToUpperInvariant(),
        path,
        [
            .. from parameter in operation["parameters"]?.AsArray() ?? []
               select new Parameter(
                   parameter["name"]!.GetValue<string>(), parameter["in"]!.GetValue<string>(), new(document, parameter["schema"]!.AsObject()),
                   parameter["required"]?.GetValue<bool>() ?? false),
        ],
        operation["requestBody"]?["content"]?["application/json"]?["schema"] is JsonObject schema ? new(document, schema) : null,
        operation["security"] is JsonArray { Count: > 0 },
        operation);
}
