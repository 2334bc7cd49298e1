using OpsPlatform.Identity.Sessions;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Idempotency;

namespace OpsPlatform.Identity.Invitations;

internal static class InvitationEndpoints
{
    public static void MapInvitations(this IEndpointRouteBuilder app)
    {
        var invitations = app.MapApi("/identity/invitations").RequireAuthorization(Roles.Admin).WithTags("invitations").NeverStored();

        invitations.MapGet("", ListInvitations.Handle);
        invitations.MapPost("", Invite.Handle)
            .WithoutIdempotencyKey("The answer shows the code for the only time. Sent again it makes a new code and voids the one before.");
        invitations.MapDelete("/{id:guid}", WithdrawInvitation.Handle);

        app.MapApi("/identity/join").WithTags("invitations").NeverStored().MapPost("", Join.Handle)
            .WithoutIdempotencyKey("The answer holds tokens, which are kept nowhere. Sent again it finds the invitation used: switch to the organisation.");
    }
}
