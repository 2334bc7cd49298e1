using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;

namespace OpsPlatform.ServiceDefaults.Http;

/// <summary>One page of a list; <paramref name="NextCursor"/> is null on the last one.</summary>
public sealed record Page<T>(IReadOnlyList<T> Items, string? NextCursor);

/// <summary>Keyset paging: a cursor holds the key of the last item shown.</summary>
public static class Paging
{
    public const int DefaultLimit = 50;
    public const int MaxLimit = 200;

    private static readonly JsonSerializerOptions Strict = new()
    {
        RespectRequiredConstructorParameters = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <exception cref="BadHttpRequestException">Outside 1..200; answered as 400.</exception>
    public static int Limit(int? limit) => limit switch
    {
        null => DefaultLimit,
        >= 1 and <= MaxLimit => limit.Value,
        _ => throw new BadHttpRequestException($"limit must be from 1 to {MaxLimit}."),
    };

    public static string Encode<T>(T key) => Convert.ToBase64String(JsonSerializer.SerializeToUtf8Bytes(key))
        .Replace('+', '-').Replace('/', '_').TrimEnd('=');

    /// <exception cref="BadHttpRequestException">Not a cursor this list gave out; answered as 400.</exception>
    public static T? Decode<T>(string? cursor)
    {
        if (cursor is null)
        {
            return default;
        }

        try
        {
            var text = cursor.Replace('-', '+').Replace('_', '/');
            var json = Encoding.UTF8.GetString(Convert.FromBase64String(text.PadRight((text.Length + 3) / 4 * 4, '=')));
            return json.Contains("\\u0000", StringComparison.Ordinal)
                ? throw new JsonException("No key holds it.")
                : JsonSerializer.Deserialize<T>(json, Strict) ?? throw new JsonException("null");
        }
        catch (Exception exception) when (exception is FormatException or JsonException)
        {
            throw new BadHttpRequestException("cursor is not one this list gave out.");
        }
    }

    /// <summary>Makes a page from one item more than was asked for.</summary>
    public static Page<T> Cut<T, TKey>(IReadOnlyList<T> itemsAndOneMore, int limit, Func<T, TKey> key) =>
        itemsAndOneMore.Count <= limit
            ? new(itemsAndOneMore, null)
            : new([.. itemsAndOneMore.Take(limit)], Encode(key(itemsAndOneMore[limit - 1])));
}
