using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.Identity.Sessions;

/// <summary>One link in the chain of tokens that began with a log-in (the family). Only its hash is kept.</summary>
internal sealed class RefreshToken
{
    private const int RandomBytes = 32;

    public required Guid Id { get; init; }

    public required Guid FamilyId { get; init; }

    public required Guid UserId { get; init; }

    public required Guid OrganisationId { get; init; }

    public required byte[] TokenHash { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset ExpiresAt { get; init; }

    public DateTimeOffset? UsedAt { get; set; }

    public DateTimeOffset? RevokedAt { get; set; }

    public bool IsAlive(DateTimeOffset now) => UsedAt is null && RevokedAt is null && ExpiresAt > now;

    public static string NewText() => WebEncoders.Base64UrlEncode(RandomNumberGenerator.GetBytes(RandomBytes));

    /// <summary>Unsalted and fast: the text is random, so there is nothing to guess.</summary>
    public static byte[] HashOf(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));
}

internal static class RefreshTokenQueries
{
    /// <summary>One at a time per family, until the transaction ends: a revocation must not miss a successor that is just being written.</summary>
    public static Task LockFamily(this IdentityDb db, Guid familyId, CancellationToken cancel) =>
        db.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock(hashtextextended({familyId.ToString()}, 0))", cancel);

    public static Task Revoke(this IQueryable<RefreshToken> tokens, DateTimeOffset now, CancellationToken cancel) => tokens
        .Where(token => token.RevokedAt == null)
        .ExecuteUpdateAsync(set => set.SetProperty(token => token.RevokedAt, now), cancel);
}
