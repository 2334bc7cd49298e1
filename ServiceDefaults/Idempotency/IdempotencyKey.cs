using System.Text;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Primitives;

namespace OpsPlatform.ServiceDefaults.Idempotency;

/// <summary>The header by which a caller may send a POST again without its work being done again.</summary>
public static class IdempotencyKey
{
    public const string Header = "Idempotency-Key";

    /// <summary>Answers that repeat a kept one carry this header, with the value true.</summary>
    public const string ReplayedHeader = "Idempotent-Replayed";

    public const int MaxChars = 255;

    /// <summary>The POST takes no key: the header is passed over, and the API's description says why.</summary>
    /// <param name="reason">A sentence for the caller, such as why nothing of the answer may be kept.</param>
    public static TBuilder WithoutIdempotencyKey<TBuilder>(this TBuilder endpoint, string reason)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new NoIdempotencyKey(reason));

    /// <summary>
    /// The handler takes the key and keeps the answer within a transaction of its own choice, by <see cref="KeyedRequest.Held"/>:
    /// for work that shares a transaction with other requests'.
    /// </summary>
    public static TBuilder HoldsIdempotencyKey<TBuilder>(this TBuilder endpoint)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new KeyHeldByHandler());

    /// <summary>A POST takes the key unless it says otherwise or serves callers nobody knows: a key is its caller's own.</summary>
    internal static bool IsTakenBy(IReadOnlyList<object> metadata) =>
        !metadata.OfType<NoIdempotencyKey>().Any()
        && metadata.OfType<IAuthorizeData>().Any()
        && !metadata.OfType<IAllowAnonymous>().Any()
        && metadata.OfType<IHttpMethodMetadata>().Any(methods => methods.HttpMethods.Contains(HttpMethods.Post));

    /// <summary>Reads the key quoted as a structured field string (RFC 8941), or bare.</summary>
    /// <returns>Null when it is not one key of 1 to 255 printable ASCII characters.</returns>
    internal static string? Read(StringValues header)
    {
        if (header is not [{ } text])
        {
            return null;
        }

        var key = text.StartsWith('"') ? Unquoted(text) : text;
        return key is { Length: >= 1 and <= MaxChars } && key.All(c => c is >= ' ' and <= '~') ? key : null;
    }

    private static string? Unquoted(string text)
    {
        var key = new StringBuilder(text.Length);
        for (var i = 1; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '"':
                    return i == text.Length - 1 ? key.ToString() : null;
                case '\\' when i + 1 < text.Length && text[i + 1] is '"' or '\\':
                    key.Append(text[++i]);
                    break;
                case '\\':
                    return null;
                default:
                    key.Append(text[i]);
                    break;
            }
        }

        return null;
    }
}

/// <summary>Why an endpoint takes no Idempotency-Key.</summary>
internal sealed record NoIdempotencyKey(string Reason);

/// <summary>The endpoint's handler holds the key.</summary>
internal sealed class KeyHeldByHandler;
