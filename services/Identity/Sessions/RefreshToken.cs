using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.Identity.Sessions;

/// <summary>One link in the chain of tokens that began with a log-in (the family). Only its hash is kept.</summary>
internal sealed class RefreshToken
{
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
}

internal static class RefreshTokenQueries
{
    /// <summary>One at a time per family, until the transaction ends: a revocation must not miss a successor that is just being written.</summary>
    public static Task LockFamily(this IdentityDb db, Guid familyId, CancellationToken cancel) =>
        db.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock(hashtextextended({familyId.ToString()}, 0))", cancel);

    // Rows are locked by id, so that revocations of overlapping sets wait for each other and never in a circle.
    public static Task RevokeFamily(this IdentityDb db, Guid familyId, DateTimeOffset now, CancellationToken cancel) =>
        db.Database.ExecuteSqlAsync($"""
            UPDATE refresh_tokens SET revoked_at = {now} WHERE id IN (
              SELECT id FROM refresh_tokens WHERE family_id = {familyId} AND revoked_at IS NULL ORDER BY id FOR UPDATE)
            """, cancel);

    public static Task RevokeMember(this IdentityDb db, Guid organisationId, Guid userId, DateTimeOffset now, CancellationToken cancel) =>
        db.Database.ExecuteSqlAsync($"""
            UPDATE refresh_tokens SET revoked_at = {now} WHERE id IN (
              SELECT id FROM refresh_tokens WHERE user_id = {userId} AND organisation_id = {organisationId} AND revoked_at IS NULL
              ORDER BY id FOR UPDATE)
            """, cancel);

    /// <summary>Deletes what expired. It waits for nobody: a token somebody is at work on is left for the next sweep.</summary>
    public static Task SweepRefreshTokens(this IdentityDb db, DateTimeOffset now, CancellationToken cancel) =>
        db.Database.ExecuteSqlAsync($"""
            DELETE FROM refresh_tokens WHERE id IN (
              SELECT id FROM refresh_tokens WHERE expires_at <= {now} ORDER BY id FOR UPDATE SKIP LOCKED)
            """, cancel);
}
