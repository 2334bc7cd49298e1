using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.Identity.Sessions;

/// <summary>A log-in on one device for one organisation, and the refresh tokens that go on from it: their family is its id.</summary>
internal sealed class OpenSession
{
    public required Guid Id { get; init; }

    public required Guid UserId { get; init; }

    public required Guid OrganisationId { get; init; }

    /// <summary>Where it was used from last.</summary>
    public required string? Address { get; init; }

    public required string? UserAgent { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Logged in or refreshed.</summary>
    public required DateTimeOffset LastUsedAt { get; init; }

    public required DateTimeOffset ExpiresAt { get; init; }

    public DateTimeOffset? RevokedAt { get; init; }
}

internal static class OpenSessionQueries
{
    public static IQueryable<OpenSession> Alive(this DbSet<OpenSession> sessions, Guid userId, DateTimeOffset now) => sessions
        .AsNoTracking()
        .Where(session => session.UserId == userId && session.RevokedAt == null && session.ExpiresAt > now);

    /// <summary>Only a session that nobody revoked goes on.</summary>
    /// <returns>False when it was revoked.</returns>
    public static async Task<bool> TryGoOn(
        this IdentityDb db, Guid id, string? address, string? userAgent, DateTimeOffset now, DateTimeOffset expiresAt, CancellationToken cancel) =>
        await db.Database.ExecuteSqlAsync($"""
            UPDATE sessions SET last_used_at = {now}, expires_at = {expiresAt}, address = {address}, user_agent = {userAgent}
            WHERE id = {id} AND revoked_at IS NULL
            """, cancel) == 1;
}
