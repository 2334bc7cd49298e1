using System.Security.Cryptography;
using OpsPlatform.Identity.Sessions;

namespace OpsPlatform.Identity.ApiKeys;

/// <summary>
/// Lets a program in for the person who made it, within its scopes. The key reads ops_{id}_{secret}; only its hash is kept, plain
/// SHA-256, because 256 random bits leave nothing to guess that a slow hash would have to protect.
/// </summary>
internal sealed class ApiKey
{
    public const int MaxChars = 128;

    private const string Start = "ops_";
    private const int IdChars = 32;

    public required Guid OrgId { get; init; }

    public required Guid Id { get; init; }

    public required string Name { get; init; }

    public required string[] Scopes { get; init; }

    public required byte[] KeyHash { get; init; }

    /// <summary>The key may do what this person may do now.</summary>
    public required Guid CreatedBy { get; init; }

    public required DateTimeOffset ExpiresAt { get; init; }

    public DateTimeOffset? RevokedAt { get; set; }

    public long RowVersion { get; private set; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>The part of the key that is no secret.</summary>
    public string Prefix => Start + Id.ToString("N");

    /// <returns>The row and the key, which nobody can read from it again.</returns>
    public static (ApiKey Row, string Key) Of(
        Guid organisationId, string name, IEnumerable<string> scopes, Guid createdBy, DateTimeOffset now, DateTimeOffset expiresAt)
    {
        var id = Guid.CreateVersion7(now);
        var key = $"{Start}{id:N}_{Secret.NewText()}";

        return (new ApiKey
        {
            OrgId = organisationId,
            Id = id,
            Name = name,
            Scopes = [.. scopes.Distinct().Order(StringComparer.Ordinal)],
            KeyHash = Secret.HashOf(key),
            CreatedBy = createdBy,
            ExpiresAt = expiresAt,
            CreatedAt = now,
        }, key);
    }

    /// <returns>Which row to look at; null when the text has not the shape of a key.</returns>
    public static Guid? IdOf(string key) =>
        key.StartsWith(Start, StringComparison.Ordinal) && key.Length > Start.Length + IdChars && key[Start.Length + IdChars] == '_'
        && Guid.TryParseExact(key.AsSpan(Start.Length, IdChars), "N", out var id)
            ? id
            : null;

    public bool Is(string key) => CryptographicOperations.FixedTimeEquals(KeyHash, Secret.HashOf(key));
}
