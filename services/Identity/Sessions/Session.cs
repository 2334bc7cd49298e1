using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using OpsPlatform.Identity.Audit;
using OpsPlatform.Identity.Members;
using OpsPlatform.Identity.Users;

namespace OpsPlatform.Identity.Sessions;

/// <param name="ExpiresIn">Seconds the access token is good for.</param>
internal sealed record SessionResponse(
    Guid UserId, Guid OrganisationId, string AccessToken, string RefreshToken, int ExpiresIn, string TokenType);

/// <summary>Hands out an access token and the refresh token that follows it.</summary>
internal sealed class Session(
    IdentityDb db, AccessTokens accessTokens, IHttpContextAccessor accessor, IOptions<TokenLifetimes> options, TimeProvider time)
{
    /// <summary>A new session, on the device the request came from.</summary>
    public async Task<SessionResponse> Open(User user, Membership membership, CancellationToken cancel)
    {
        var now = time.GetUtcNow();
        var (address, userAgent) = Origin.Of(accessor.HttpContext);
        var opened = new OpenSession
        {
            Id = Guid.CreateVersion7(now),
            UserId = user.Id,
            OrganisationId = membership.OrgId,
            Address = address,
            UserAgent = userAgent,
            CreatedAt = now,
            LastUsedAt = now,
            ExpiresAt = now + options.Value.RefreshToken,
        };
        var text = Secret.NewText();

        db.Sessions.Add(opened);
        db.RefreshTokens.Add(Token(opened.Id, user, membership, text, now));
        await db.SaveChangesAsync(cancel);

        return await Answer(user, membership, opened.Id, text, cancel);
    }

    /// <summary>Goes on with the token that follows the one shown.</summary>
    /// <param name="isNew">False when the follower was given out before.</param>
    /// <returns>Null when the session was revoked.</returns>
    public async Task<SessionResponse?> GoOn(
        User user, Membership membership, RefreshToken shown, string follower, bool isNew, CancellationToken cancel)
    {
        var now = time.GetUtcNow();

        if (isNew)
        {
            shown.UsedAt = now;
            db.RefreshTokens.Add(Token(shown.FamilyId, user, membership, follower, now));
            await db.SaveChangesAsync(cancel);
        }

        var (address, userAgent) = Origin.Of(accessor.HttpContext);

        // Tokens before sessions, as whoever revokes locks them.
        return await db.TryGoOn(shown.FamilyId, address, userAgent, now, now + options.Value.RefreshToken, cancel)
            ? await Answer(user, membership, shown.FamilyId, follower, cancel)
            : null;
    }

    /// <summary>The membership to act with: of the organisation asked for, else the one joined first. The user must be acting already.</summary>
    public Task<Membership?> MembershipOf(Guid userId, Guid? organisationId, CancellationToken cancel) => db.Memberships
        .AsNoTracking()
        .Where(membership => membership.UserId == userId && (organisationId == null || membership.OrgId == organisationId))
        .OrderBy(membership => membership.CreatedAt).ThenBy(membership => membership.Id)
        .FirstOrDefaultAsync(cancel);

    private RefreshToken Token(Guid family, User user, Membership membership, string text, DateTimeOffset now) => new()
    {
        Id = Guid.CreateVersion7(now),
        FamilyId = family,
        UserId = user.Id,
        OrganisationId = membership.OrgId,
        TokenHash = Secret.HashOf(text),
        CreatedAt = now,
        ExpiresAt = now + options.Value.RefreshToken,
    };

    private async Task<SessionResponse> Answer(User user, Membership membership, Guid session, string refreshToken, CancellationToken cancel) => new(
        user.Id, membership.OrgId, await accessTokens.Issue(user, membership, session, cancel), refreshToken,
        (int)options.Value.AccessToken.TotalSeconds, "Bearer");
}
