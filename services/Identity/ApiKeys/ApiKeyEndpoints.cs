using OpsPlatform.Identity.Sessions;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Idempotency;

namespace OpsPlatform.Identity.ApiKeys;

internal static class ApiKeyEndpoints
{
    public static void MapApiKeys(this IEndpointRouteBuilder app)
    {
        var keys = app.MapApi("/identity/api-keys").WithTags("API keys").NeverStored();

        keys.MapGet("", ListApiKeys.Handle).RequireAuthorization(Roles.Admin).WithSummary("The organisation's keys without their secrets, the latest first.");
        keys.MapPost("", CreateApiKey.Handle).RequireAuthorization(Roles.Admin)
            .WithoutIdempotencyKey("The answer shows the key for the only time. Sent again it makes another one: revoke the one that was lost.")
            .WithSummary("Makes a key for a program; the answer shows it for the only time.");
        keys.MapDelete("/{id:guid}", RevokeApiKey.Handle).RequireAuthorization(Roles.Admin).WithSummary("Ends a key; it is refused everywhere within a minute.");
        keys.MapPost("/exchange", ExchangeApiKey.Handle).AllowAnonymous().ExcludeFromDescription()
            .WithSummary("The gateway trades a caller's key for a token; it proves itself by its secret (not reachable through the gateway).");
    }
}
