using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;

namespace OpsPlatform.OperationTracking.Reports;

/// <summary>What other services say, as the database takes it and an answer can show it.</summary>
internal static class Text
{
    private const int MaxJsonBytes = 16 * 1024;

    /// <summary>An answer holds it within itself, and may be nested so deep in all.</summary>
    private const int MaxJsonDepth = 10;

    /// <summary>Says to a caller what <see cref="ObjectOrNull"/> takes.</summary>
    public static readonly string ObjectRule = $"must be a JSON object of at most {MaxJsonBytes} bytes, at most {MaxJsonDepth} deep, of texts that are Unicode without U+0000.";

    /// <summary>The same of an object whose size is seen to elsewhere.</summary>
    public static readonly string DeepObjectRule = $"must be a JSON object, at most {MaxJsonDepth} deep, of texts that are Unicode without U+0000.";

    [return: NotNullIfNotNull(nameof(text))]
    public static string? Storable(string? text, int max)
    {
        var storable = text?.Replace("\0", "", StringComparison.Ordinal);
        return storable?.Length > max ? storable[..max] : storable;
    }

    /// <returns>Null for what is no JSON object of the size and depth promised.</returns>
    public static string? ObjectOrNull(string? json, int maxBytes = MaxJsonBytes)
    {
        if (json is null || Encoding.UTF8.GetByteCount(json) > maxBytes || json.Contains("\\u0000", StringComparison.Ordinal))
        {
            return null;
        }

        try
        {
            using var document = JsonDocument.Parse(json, new() { MaxDepth = MaxJsonDepth });
            // A text may be half a surrogate pair, which the database takes for no text: written anew, it is found out.
            JsonSerializer.Serialize(document.RootElement);
            return document.RootElement.ValueKind == JsonValueKind.Object ? json : null;
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or ArgumentException)
        {
            return null;
        }
    }
}
