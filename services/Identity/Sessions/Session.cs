using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using OpsPlatform.Identity.Members;
using OpsPlatform.Identity.Users;

namespace OpsPlatform.Identity.Sessions;

/// <param name="ExpiresIn">Seconds the access token is good for.</param>
internal sealed record SessionResponse(
    Guid UserId, Guid OrganisationId, string AccessToken, string RefreshToken, int ExpiresIn, string TokenType);

/// <summary>Hands out an access token and the refresh token that follows it.</summary>
internal sealed class Session(IdentityDb db, AccessTokens accessTokens, IOptions<TokenLifetimes> options, TimeProvider time)
{
    /// <param name="family">The log-in this goes on from; a new one otherwise.</param>
    public async Task<SessionResponse> Open(User user, Membership membership, CancellationToken cancel, Guid? family = null)
    {
        var now = time.GetUtcNow();
        var text = Secret.NewText();
        var accessToken = await accessTokens.Issue(user, membership, cancel);

        db.RefreshTokens.Add(new RefreshToken
        {
            Id = Guid.CreateVersion7(now),
            FamilyId = family ?? Guid.CreateVersion7(now),
            UserId = user.Id,
            OrganisationId = membership.OrgId,
            TokenHash = Secret.HashOf(text),
            CreatedAt = now,
            ExpiresAt = now + options.Value.RefreshToken,
        });
        await db.SaveChangesAsync(cancel);

        return new SessionResponse(
            user.Id, membership.OrgId, accessToken, text, (int)options.Value.AccessToken.TotalSeconds, "Bearer");
    }

    /// <summary>The membership to act with: of the organisation asked for, else the one joined first. The user must be acting already.</summary>
    public Task<Membership?> MembershipOf(Guid userId, Guid? organisationId, CancellationToken cancel) => db.Memberships
        .AsNoTracking()
        .Where(membership => membership.UserId == userId && (organisationId == null || membership.OrgId == organisationId))
        .OrderBy(membership => membership.CreatedAt).ThenBy(membership => membership.Id)
        .FirstOrDefaultAsync(cancel);
}
