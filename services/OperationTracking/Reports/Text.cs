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
    public static readonly string ObjectRule = $"must be a JSON object of at most {MaxJsonBytes} bytes, at most {MaxJsonDepth} deep, of texts that are Unicode without U+0000 and numbers within the range of double precision.";

    /// <summary>The same of an object whose size is seen to elsewhere.</summary>
    public static readonly string DeepObjectRule = $"must be a JSON object, at most {MaxJsonDepth} deep, of texts that are Unicode without U+0000 and numbers within the range of double precision.";

    /// <summary>Of one number.</summary>
    private const int MaxDigits = 100;

    [return: NotNullIfNotNull(nameof(text))]
    public static string? Storable(string? text, int max)
    {
        var storable = text?.Replace("\0", "", StringComparison.Ordinal);
        return storable?.Length > max ? storable[..max] : storable;
    }

    /// <returns>Null for what is no JSON object of the size and depth promised.</returns>
    public static string? ObjectOrNull(string? json, int maxBytes = MaxJsonBytes)
    {
        if (json is null || Encoding.UTF8.GetByteCount(json) > maxBytes)
        {
            return null;
        }

        try
        {
            using var document = JsonDocument.Parse(json, new() { MaxDepth = MaxJsonDepth });
            return document.RootElement.ValueKind == JsonValueKind.Object && IsStorable(document.RootElement) ? json : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static bool IsStorable(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Object => json.EnumerateObject().All(member => IsWhole(() => member.Name) && IsStorable(member.Value)),
        JsonValueKind.Array => json.EnumerateArray().All(IsStorable),
        JsonValueKind.String => IsWhole(() => json.GetString()!),
        JsonValueKind.Number => json.GetRawText() is { Length: <= MaxDigits } text && json.GetDouble() is var value && double.IsFinite(value)
            // Next to nothing, it has more places than the database keeps.
            && (value != 0 || !text.Contains('e', StringComparison.OrdinalIgnoreCase)),
        _ => true,
    };

    /// <summary>Half a surrogate pair is no text.</summary>
    private static bool IsWhole(Func<string> read)
    {
        try
        {
            return !read().Contains('\0', StringComparison.Ordinal);
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}
