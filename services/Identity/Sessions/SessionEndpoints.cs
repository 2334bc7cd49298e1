using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Idempotency;

namespace OpsPlatform.Identity.Sessions;

internal static class SessionEndpoints
{
    /// <summary>Why a POST that opens a session takes no Idempotency-Key.</summary>
    public const string HoldsTokens = "The answer holds tokens, which are kept nowhere. Sent again it opens another session.";

    public static void MapSessions(this IEndpointRouteBuilder app)
    {
        var sessions = app.MapApi("/identity").WithTags("sessions").NeverStored();

        sessions.MapPost("/login", LogIn.Handle).AllowAnonymous().WithoutIdempotencyKey(HoldsTokens);
        sessions.MapPost("/refresh", RefreshSession.Handle).AllowAnonymous().WithoutIdempotencyKey("The answer holds tokens, which are kept nowhere; a refresh token works once by itself.");
        sessions.MapPost("/logout", LogOut.Handle).AllowAnonymous().WithoutIdempotencyKey("Sent again it finds the session ended and does nothing.");
        sessions.MapPost("/switch", SwitchOrganisation.Handle).WithoutIdempotencyKey(HoldsTokens);
        sessions.MapGet("/sessions", ListSessions.Handle).WithSummary("Where the caller is logged in, in every organisation, the latest first.");
        sessions.MapDelete("/sessions/{id:guid}", RevokeSession.Handle)
            .WithSummary("Ends one of the caller's sessions: its refresh token at once, its access token within ten minutes.");
        sessions.MapPost("/sessions/revoke-others", RevokeSession.Others).WithName("revokeOtherSessions")
            .WithoutIdempotencyKey("Sent again it finds no other session and does nothing.")
            .WithSummary("Ends all of the caller's sessions but the one this is asked with.");
    }

    /// <summary>Answers with tokens or persons in them are kept by no cache on the way.</summary>
    public static RouteGroupBuilder NeverStored(this RouteGroupBuilder group) => group.AddEndpointFilter(async (context, next) =>
    {
        context.HttpContext.Response.Headers.CacheControl = "no-store";
        return await next(context);
    });
}
