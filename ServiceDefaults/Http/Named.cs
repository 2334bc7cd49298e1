using System.Text.Json;

namespace OpsPlatform.ServiceDefaults.Http;

/// <summary>An enum in a query, by the same snake_case name as in a body; anything else is answered 400.</summary>
public readonly record struct Named<T>(T Value)
    where T : struct, Enum
{
    private static readonly Dictionary<string, T> Values = Enum.GetValues<T>().ToDictionary(value => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString()));

    // CA1000: the framework looks for exactly this member when it binds a query parameter.
#pragma warning disable CA1000
    public static bool TryParse(string? text, out Named<T> named)
    {
        var known = Values.TryGetValue(text ?? "", out var value);
        named = new(value);
        return known;
    }
}
