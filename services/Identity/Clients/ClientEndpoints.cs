using OpsPlatform.Identity.Sessions;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Idempotency;

namespace OpsPlatform.Identity.Clients;

/// <summary>For the platform's own services, which call here directly: the gateway lets none of it through.</summary>
internal static class ClientEndpoints
{
    public static void MapClients(this IEndpointRouteBuilder app)
    {
        var clients = app.MapApi("/identity").WithTags("services").NeverStored();

        // A form from another site cannot carry a service's secret.
        clients.MapPost("/token", IssueServiceToken.Handle).AllowAnonymous().DisableAntiforgery().ExcludeFromDescription()
            .WithSummary("A service trades its secret for an access token of ten minutes (OAuth client_credentials; not reachable through the gateway).")
            .WithoutIdempotencyKey("The answer holds a token, which is kept nowhere. Sent again it gives another one.");
    }
}
