using System.Security.Claims;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using OpsPlatform.Identity.Keys;
using OpsPlatform.Identity.Members;
using OpsPlatform.Identity.Users;
using OpsPlatform.ServiceDefaults.Auth;

namespace OpsPlatform.Identity.Sessions;

/// <summary>Signs who acts for which organisation in which role: JWT, ES256.</summary>
internal sealed class AccessTokens(KeyRing keys, IOptions<TokenLifetimes> options, TimeProvider time)
{
    private static readonly JsonWebTokenHandler Writer = new();

    /// <summary>OpenID Connect's name for it.</summary>
    public const string SessionClaim = "sid";

    public Task<string> Issue(User user, Membership membership, Guid session, CancellationToken cancel) => Sign(
        [
            new Claim("sub", user.Id.ToString()),
            new Claim(Tokens.OrgClaim, membership.OrgId.ToString()),
            new Claim(Tokens.RoleClaim, membership.Role),
            new Claim("name", user.DisplayName),
            new Claim(SessionClaim, session.ToString()),
        ],
        cancel);

    public Task<string> IssueToService(string service, Guid? organisationId, CancellationToken cancel) => Sign(
        [
            new Claim("sub", service),
            new Claim(Tokens.RoleClaim, Roles.Service),
            new Claim("name", service),
            .. organisationId is { } id ? [new Claim(Tokens.OrgClaim, id.ToString())] : (IEnumerable<Claim>)[],
        ],
        cancel);

    private async Task<string> Sign(IEnumerable<Claim> claims, CancellationToken cancel)
    {
        var now = time.GetUtcNow().UtcDateTime;

        return Writer.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = Tokens.Issuer,
            Audience = Tokens.Audience,
            IssuedAt = now,
            NotBefore = now,
            Expires = now + options.Value.AccessToken,
            Subject = new ClaimsIdentity(claims),
            SigningCredentials = await keys.Signing(cancel),
        });
    }
}
