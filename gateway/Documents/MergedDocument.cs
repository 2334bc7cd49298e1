using System.Text.Json.Nodes;

namespace OpsPlatform.Gateway.Documents;

/// <summary>OpenAPI parts side by side. Component names get their service in front (`Orders_Response`), because services name theirs without asking each other.</summary>
internal sealed class MergedDocument
{
    private const string ComponentReference = "#/components/";
    private const string SecuritySchemes = "securitySchemes";

    private readonly JsonObject paths = [];
    private readonly JsonObject components = [];
    private readonly JsonArray unavailable = [];
    private string version = "3.1.1";
    private JsonNode? security;

    public void MarkUnavailable(string service) => unavailable.Add(service);

    public void Add(string service, JsonObject part)
    {
        version = part["openapi"]?.GetValue<string>() ?? version;
        security ??= part["security"]?.DeepClone();
        Rename(part, service);

        foreach (var (path, item) in part["paths"]?.AsObject() ?? [])
        {
            paths[path] = item?.DeepClone();
        }

        foreach (var (section, entries) in part["components"]?.AsObject() ?? [])
        {
            if (components[section] is not JsonObject merged)
            {
                components[section] = merged = [];
            }

            foreach (var (name, entry) in entries!.AsObject())
            {
                // All services take the same token, so their schemes are one.
                merged[section == SecuritySchemes ? name : NameOf(service, name)] = entry?.DeepClone();
            }
        }
    }

    public override string ToString()
    {
        var document = new JsonObject
        {
            ["openapi"] = version,
            ["info"] = new JsonObject { ["title"] = "OpsPlatform", ["version"] = "1" },
            ["servers"] = new JsonArray(new JsonObject { ["url"] = "/" }),
            ["paths"] = paths,
            ["components"] = components,
        };

        if (security is not null)
        {
            document["security"] = security;
        }

        if (unavailable.Count > 0)
        {
            document["x-unavailable"] = unavailable;
        }

        return document.ToJsonString();
    }

    private static string NameOf(string service, string name) => $"{char.ToUpperInvariant(service[0])}{service[1..]}_{name}";

    private static void Rename(JsonNode? node, string service)
    {
        switch (node)
        {
            case JsonObject found:
                foreach (var (name, value) in found.ToList())
                {
                    if (name == "$ref" && value is JsonValue reference)
                    {
                        found[name] = Renamed(reference.GetValue<string>(), service);
                    }
                    else
                    {
                        Rename(value, service);
                    }
                }

                break;
            case JsonArray list:
                foreach (var item in list)
                {
                    Rename(item, service);
                }

                break;
        }
    }

    private static string Renamed(string reference, string service)
    {
        if (!reference.StartsWith(ComponentReference, StringComparison.Ordinal))
        {
            return reference;
        }

        var parts = reference.Split('/');

        // #/components/{section}/{name}, with a deeper pointer perhaps behind it.
        if (parts.Length > 3 && parts[2] != SecuritySchemes)
        {
            parts[3] = NameOf(service, parts[3]);
        }

        return string.Join('/', parts);
    }
}
