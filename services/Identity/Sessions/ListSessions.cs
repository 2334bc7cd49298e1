using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Identity.Users;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Sessions;

/// <summary>Where the caller is logged in, in every organisation, the latest first.</summary>
internal static class ListSessions
{
    /// <param name="LastUsedAt">When it logged in or refreshed last; access tokens in use do not show.</param>
    /// <param name="Current">The session of the token this was asked with.</param>
    public sealed record Item(
        Guid Id, Guid OrganisationId, string? UserAgent, string? Address, DateTimeOffset CreatedAt, DateTimeOffset LastUsedAt,
        DateTimeOffset ExpiresAt, bool Current);

    public static async Task<Ok<Page<Item>>> Handle(
        IdentityDb db, Caller caller, ClaimsPrincipal principal, TimeProvider time, CancellationToken cancel, int? limit = null, string? cursor = null)
    {
        var size = Paging.Limit(limit);
        var before = Paging.Decode<Guid?>(cursor);
        var current = principal.SessionId();
        var sessions = db.Sessions.Alive(caller.UserId(), time.GetUtcNow());

        if (before is not null)
        {
            sessions = sessions.Where(session => session.Id < before);
        }

        var rows = await sessions.OrderByDescending(session => session.Id).Take(size + 1).ToListAsync(cancel);
        var page = Paging.Cut(rows, size, session => session.Id);

        return TypedResults.Ok(new Page<Item>(
            [.. page.Items.Select(session => new Item(
                session.Id, session.OrganisationId, session.UserAgent, session.Address, session.CreatedAt, session.LastUsedAt,
                session.ExpiresAt, session.Id == current))],
            page.NextCursor));
    }

    /// <summary>The session the access token belongs to; a token from before sessions were kept has none.</summary>
    public static Guid? SessionId(this ClaimsPrincipal principal) =>
        Guid.TryParse(principal.FindFirst(AccessTokens.SessionClaim)?.Value, out var id) ? id : null;
}
