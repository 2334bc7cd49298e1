using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Identity.Sessions;

internal static class SessionEndpoints
{
    public static void MapSessions(this IEndpointRouteBuilder app)
    {
        var sessions = app.MapApi("/identity").WithTags("sessions").NeverStored();

        sessions.MapPost("/login", LogIn.Handle).AllowAnonymous();
        sessions.MapPost("/refresh", RefreshSession.Handle).AllowAnonymous();
        sessions.MapPost("/logout", LogOut.Handle).AllowAnonymous();
        sessions.MapPost("/switch", SwitchOrganisation.Handle);
        sessions.MapGet("/sessions", ListSessions.Handle).WithSummary("Where the caller is logged in, in every organisation, the latest first.");
        sessions.MapDelete("/sessions/{id:guid}", RevokeSession.Handle)
            .WithSummary("Ends one of the caller's sessions: its refresh token at once, its access token within ten minutes.");
        sessions.MapPost("/sessions/revoke-others", RevokeSession.Others).WithName("revokeOtherSessions")
            .WithSummary("Ends all of the caller's sessions but the one this is asked with.");
    }

    /// <summary>Answers with tokens or persons in them are kept by no cache on the way.</summary>
    public static RouteGroupBuilder NeverStored(this RouteGroupBuilder group) => group.AddEndpointFilter(async (context, next) =>
    {
        context.HttpContext.Response.Headers.CacheControl = "no-store";
        return await next(context);
    });
}
