using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Identity.Audit;
using OpsPlatform.Identity.Clients;
using OpsPlatform.Identity.Sessions;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.ApiKeys;

/// <summary>
/// The gateway, and nobody else, trades a caller's key for a token of two minutes: for the key's organisation, in the role its maker
/// has now, with the key's scopes. Refusals have a type that begins with api-key, and are for the caller.
/// </summary>
internal static class ExchangeApiKey
{
    private const string Gateway = "gateway";

    /// <summary>A key that is used all the time is written down once in this time.</summary>
    private static readonly TimeSpan UseNotedEvery = TimeSpan.FromMinutes(5);

    /// <param name="Address">Of the caller, as the gateway sees it.</param>
    public sealed record Request(
        [Required, MaxLength(ApiKey.MaxChars)] string Key, [MaxLength(64)] string? Address = null, string? UserAgent = null);

    /// <param name="ExpiresIn">Seconds.</param>
    public sealed record Response(string AccessToken, int ExpiresIn, Guid OrganisationId);

    public static async Task<Results<Ok<Response>, ProblemHttpResult>> Handle(
        Request request, HttpContext http, IConfiguration configuration, ClientGuesses guesses, IdentityDb db, AuditTrail audit,
        AccessTokens tokens, Caller caller, TimeProvider time, CancellationToken cancel)
    {
        ClientSecrets.TryReadBasic(http.Request.Headers.Authorization, out var service, out var secret);

        if (guesses.Wait(http.Connection.RemoteIpAddress, Gateway) is { } wait)
        {
            return http.ComeAgain(wait, Problems.TooManyWrongSecrets);
        }

        if (service != Gateway || !ClientSecrets.Prove(configuration, service, secret))
        {
            guesses.CountWrong(http.Connection.RemoteIpAddress, Gateway);
            await audit.Write(AuditEvent.ServiceToken, null, cancel, "wrong_secret", "exchange of an API key");
            return Problems.InvalidClient;
        }

        var now = time.GetUtcNow();
        var origin = Origin.Told(request.Address, request.UserAgent);

        if (ApiKey.IdOf(request.Key) is not { } id
            || await db.ApiKeys.FromSql($"SELECT * FROM find_api_key({id})").AsNoTracking().SingleOrDefaultAsync(cancel) is not { } key)
        {
            return Problems.ApiKeyInvalid;
        }

        var isRight = key.Is(request.Key);
        caller.Become(key.OrgId, isRight ? key.CreatedBy.ToString() : "");
        var role = isRight
            ? await db.Memberships.Where(member => member.OrgId == key.OrgId && member.UserId == key.CreatedBy).Select(member => member.Role).SingleOrDefaultAsync(cancel)
            : null;

        if (RefusalOf(key, isRight, role, now) is (var reason, var refusal))
        {
            await audit.Write(AuditEvent.ApiKeyUsed, key.CreatedBy, cancel, reason, key.Prefix, origin: origin);
            return refusal;
        }

        if (await NoteUse(db, key, now, cancel))
        {
            await audit.Write(AuditEvent.ApiKeyUsed, key.CreatedBy, cancel, detail: $"{key.Prefix} {key.Name}", origin: origin);
        }

        return TypedResults.Ok(new Response(
            await tokens.IssueToKey(key, role!, cancel), (int)AccessTokens.KeyTokenLifetime.TotalSeconds, key.OrgId));
    }

    private static (string Reason, ProblemHttpResult Refusal)? RefusalOf(ApiKey key, bool isRight, string? role, DateTimeOffset now) => key switch
    {
        _ when !isRight => ("wrong_secret", Problems.ApiKeyInvalid),
        { RevokedAt: not null } => ("revoked", Problems.ApiKeyRevoked),
        _ when key.ExpiresAt <= now => ("expired", Problems.ApiKeyExpired(key.ExpiresAt)),
        _ when role is null => ("maker_left", Problems.ApiKeyRevoked),
        _ => null,
    };

    private static async Task<bool> NoteUse(IdentityDb db, ApiKey key, DateTimeOffset now, CancellationToken cancel) =>
        await db.Database.ExecuteSqlAsync($"""
            INSERT INTO api_key_uses AS use (org_id, id, last_used_at) VALUES ({key.OrgId}, {key.Id}, {now})
            ON CONFLICT (org_id, id) DO UPDATE SET last_used_at = {now} WHERE use.last_used_at <= {now - UseNotedEvery}
            """, cancel) == 1;
}
