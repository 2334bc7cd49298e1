using OpsPlatform.Identity.Sessions;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Identity.Invitations;

internal static class InvitationEndpoints
{
    public static void MapInvitations(this IEndpointRouteBuilder app)
    {
        var invitations = app.MapApi("/identity/invitations").RequireAuthorization(Roles.Admin).WithTags("invitations").NeverStored();

        invitations.MapGet("", ListInvitations.Handle);
        invitations.MapPost("", Invite.Handle);
        invitations.MapDelete("/{id:guid}", WithdrawInvitation.Handle);

        app.MapApi("/identity/join").WithTags("invitations").NeverStored().MapPost("", Join.Handle);
    }
}
