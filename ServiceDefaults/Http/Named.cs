using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace OpsPlatform.ServiceDefaults.Http;

/// <summary>An enum in a query, by the same snake_case name as in a body; anything else is answered 400.</summary>
public readonly record struct Named<T>(T Value)
    where T : struct, Enum
{
    private static readonly Dictionary<string, T> Values = Enum.GetValues<T>().ToDictionary(value => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString()));

    // CA1000: the framework looks for exactly this member when it binds a query parameter.
#pragma warning disable CA1000
    /// <exception cref="BadHttpRequestException">It is no such name; answered as 400 with those there are.</exception>
    public static bool TryParse(string? text, out Named<T> named)
    {
        named = Values.TryGetValue(text ?? "", out var value)
            ? new(value)
            : throw new BadHttpRequestException($"'{text}' is not one of {string.Join(", ", Values.Keys)}.");
        return true;
    }
}
