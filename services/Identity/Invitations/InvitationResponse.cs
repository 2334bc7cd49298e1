namespace OpsPlatform.Identity.Invitations;

internal sealed record InvitationResponse(Guid Id, string Email, string Role, DateTimeOffset ExpiresAt)
{
    public static InvitationResponse Of(Invitation invitation) => new(invitation.Id, invitation.Email, invitation.Role, invitation.ExpiresAt);
}
