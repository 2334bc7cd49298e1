using System.Text.Json;

namespace OpsPlatform.Inventory;

/// <summary>An enum in a query, by the same snake_case name as in a body; anything else is answered 400.</summary>
internal readonly record struct Named<T>(T Value)
    where T : struct, Enum
{
    private static readonly Dictionary<string, T> Values = Enum.GetValues<T>().ToDictionary(value => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString()));

    public static bool TryParse(string? text, out Named<T> named)
    {
        var known = Values.TryGetValue(text ?? "", out var value);
        named = new(value);
        return known;
    }
}
