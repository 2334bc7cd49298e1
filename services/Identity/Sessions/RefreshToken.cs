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

    /// <summary>With the token's own text it gives its successor's.</summary>
    public byte[]? SuccessorSalt { get; private set; }

    public byte[] NextSalt() => SuccessorSalt = Secret.NewSalt();

    public bool IsAlive(DateTimeOffset now) => UsedAt is null && RevokedAt is null && ExpiresAt > now;
}

internal static class RefreshTokenQueries
{
    /// <summary>One at a time per family, until the transaction ends: a revocation must not miss a successor that is just being written.</summary>
    public static Task LockFamily(this IdentityDb db, Guid familyId, CancellationToken cancel) =>
        db.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock(hashtextextended({familyId.ToString()}, 0))", cancel);

    // Rows are locked by id, tokens before sessions, so that revocations of overlapping sets wait for each other and never in a circle.

    /// <returns>How many sessions it ended: one or none.</returns>
    public static async Task<int> RevokeFamily(this IdentityDb db, Guid familyId, DateTimeOffset now, CancellationToken cancel)
    {
        await db.Database.ExecuteSqlAsync($"""
            UPDATE refresh_tokens SET revoked_at = {now} WHERE id IN (
              SELECT id FROM refresh_tokens WHERE family_id = {familyId} AND revoked_at IS NULL ORDER BY id FOR UPDATE)
            """, cancel);

        return await db.Database.ExecuteSqlAsync($"UPDATE sessions SET revoked_at = {now} WHERE id = {familyId} AND revoked_at IS NULL", cancel);
    }

    public static async Task RevokeMember(this IdentityDb db, Guid organisationId, Guid userId, DateTimeOffset now, CancellationToken cancel)
    {
        await db.Database.ExecuteSqlAsync($"""
            UPDATE refresh_tokens SET revoked_at = {now} WHERE id IN (
              SELECT id FROM refresh_tokens WHERE user_id = {userId} AND organisation_id = {organisationId} AND revoked_at IS NULL
              ORDER BY id FOR UPDATE)
            """, cancel);
        await db.Database.ExecuteSqlAsync($"""
            UPDATE sessions SET revoked_at = {now} WHERE id IN (
              SELECT id FROM sessions WHERE user_id = {userId} AND organisation_id = {organisationId} AND revoked_at IS NULL
              ORDER BY id FOR UPDATE)
            """, cancel);
    }

    /// <returns>How many sessions it ended.</returns>
    public static async Task<int> RevokeOthers(this IdentityDb db, Guid userId, Guid but, DateTimeOffset now, CancellationToken cancel)
    {
        await db.Database.ExecuteSqlAsync($"""
            UPDATE refresh_tokens SET revoked_at = {now} WHERE id IN (
              SELECT id FROM refresh_tokens WHERE user_id = {userId} AND family_id <> {but} AND revoked_at IS NULL ORDER BY id FOR UPDATE)
            """, cancel);

        return await db.Database.ExecuteSqlAsync($"""
            UPDATE sessions SET revoked_at = {now} WHERE id IN (
              SELECT id FROM sessions WHERE user_id = {userId} AND id <> {but} AND revoked_at IS NULL AND expires_at > {now}
              ORDER BY id FOR UPDATE)
            """, cancel);
    }

    /// <summary>Deletes what expired. It waits for nobody: a token somebody is at work on is left for the next sweep.</summary>
    public static async Task SweepSessions(this IdentityDb db, DateTimeOffset now, CancellationToken cancel)
    {
        await db.Database.ExecuteSqlAsync($"""
            DELETE FROM refresh_tokens WHERE id IN (
              SELECT id FROM refresh_tokens WHERE expires_at <= {now} ORDER BY id FOR UPDATE SKIP LOCKED)
            """, cancel);
        await db.Database.ExecuteSqlAsync($"""
            DELETE FROM sessions WHERE id IN (
              SELECT id FROM sessions WHERE expires_at <= {now} ORDER BY id FOR UPDATE SKIP LOCKED)
            """, cancel);
    }
}
