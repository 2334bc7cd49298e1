using System.Text.Json;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.OperationTracking.Reports;

/// <summary>What is kept of the effects that an operation tells of.</summary>
internal static class EffectRules
{
    public const int Most = 20;
    public const int MaxWhat = 200;
    private const int MaxHref = 500;

    /// <summary>Says to a caller what <see cref="Fits"/> takes.</summary>
    public static readonly string Rule = $"has a what of 1 to {MaxWhat} characters, a count of 1 or more, and an href, if any, that begins with / or https:// and has at most {MaxHref} characters.";

    public static bool Fits(OperationEffect effect) => effect is { What.Length: >= 1 and <= MaxWhat, Count: > 0 } && IsAddress(effect.Href);

    /// <summary>As an answer can show it: what a worker tells wrongly is left out.</summary>
    public static IReadOnlyList<OperationEffect>? Storable(IReadOnlyList<OperationEffect>? effects) => effects is null ? null :
        [.. effects.OfType<OperationEffect>().Where(effect => effect is { What: not null, Count: > 0 }).Take(Most)
            .Select(effect => effect with { What = Text.Storable(effect.What, MaxWhat), Href = IsAddress(effect.Href) ? Text.Storable(effect.Href, MaxHref) : null })];

    /// <summary>As apply_reports reads them.</summary>
    public static JsonElement? Row(IReadOnlyList<OperationEffect>? effects) => effects is null ? null : JsonSerializer.SerializeToElement(effects, Json.Options);

    public static IReadOnlyList<OperationEffect> Read(string? row) => row is null ? [] : JsonSerializer.Deserialize<OperationEffect[]>(row, Json.Options)!;

    /// <summary>People follow it: nothing that a browser would run.</summary>
    private static bool IsAddress(string? href) =>
        href is null || (href.Length <= MaxHref && (href.StartsWith("https://", StringComparison.Ordinal) || (href.StartsWith('/') && !href.StartsWith("//", StringComparison.Ordinal))));
}
