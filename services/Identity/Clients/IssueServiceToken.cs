using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using OpsPlatform.Identity.Audit;
using OpsPlatform.Identity.Sessions;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Clients;

/// <summary>
/// A service proves by its secret which one it is, and may act for itself or for one organisation (RFC 6749, 4.4; refusals carry
/// that document's `error` beside the problem).
/// </summary>
internal static class IssueServiceToken
{
    private const int MaxNameChars = 20;

    /// <param name="ExpiresIn">Seconds.</param>
    public sealed record Response(
        [property: JsonPropertyName("access_token")] string AccessToken,
        [property: JsonPropertyName("token_type")] string TokenType,
        [property: JsonPropertyName("expires_in")] int ExpiresIn);

    public static async Task<Results<Ok<Response>, ProblemHttpResult>> Handle(
        [FromForm(Name = "grant_type")] string? grantType,
        [FromForm(Name = "client_id")] string? clientId,
        [FromForm(Name = "client_secret")] string? clientSecret,
        [FromForm(Name = "organisation_id")] Guid? organisationId,
        HttpContext http,
        IConfiguration configuration,
        ClientGuesses guesses,
        IdentityDb db,
        AuditTrail audit,
        AccessTokens tokens,
        IOptions<TokenLifetimes> lifetimes,
        Caller caller,
        CancellationToken cancel)
    {
        var inHeader = ClientSecrets.TryReadBasic(http.Request.Headers.Authorization, out var service, out var secret);
        if (!inHeader)
        {
            (service, secret) = (clientId ?? "", clientSecret ?? "");
        }

        if (guesses.Wait(http.Connection.RemoteIpAddress, service) is { } wait)
        {
            return http.ComeAgain(wait, Problems.TooManyWrongSecrets);
        }

        if (!ClientSecrets.Prove(configuration, service, secret))
        {
            guesses.CountWrong(http.Connection.RemoteIpAddress, service);
            await audit.Write(AuditEvent.ServiceToken, null, cancel, "wrong_secret", NameOf(service));
            http.Response.Headers.WWWAuthenticate = "Basic";
            return Problems.InvalidClient;
        }

        if (grantType != "client_credentials")
        {
            return Problems.UnsupportedGrant;
        }

        caller.Become(organisationId, service);

        if (organisationId is { } id && !await db.Organisations.AnyAsync(organisation => organisation.OrgId == id, cancel))
        {
            return Problems.UnknownOrganisation;
        }

        return TypedResults.Ok(new Response(
            await tokens.IssueToService(service, organisationId, cancel), "Bearer", (int)lifetimes.Value.AccessToken.TotalSeconds));
    }

    /// <summary>For the audit trail: whatever looks unlike a service's name may be a secret in the wrong field.</summary>
    private static string NameOf(string service) =>
        service.Length is > 0 and <= MaxNameChars && service.All(char.IsAsciiLetterLower) ? $"client {service}" : "client unknown";
}
