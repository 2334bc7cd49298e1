using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using OpsPlatform.Identity.Members;
using OpsPlatform.Identity.Users;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Invitations;

/// <summary>
/// Invites the holder of an e-mail address; nobody becomes a member without their own doing. The answer shows the code for the only
/// time. An address invited before gets a new code and the one before is void.
/// </summary>
internal static class Invite
{
    public sealed record Request(
        [Email] string Email,
        [AllowedValues(Roles.Viewer, Roles.Staff, Roles.Admin, Roles.Owner)] string Role);

    public sealed record Response(Guid Id, string Code, string Email, string Role, DateTimeOffset ExpiresAt);

    public static async Task<Results<Created<Response>, ProblemHttpResult>> Handle(
        Request request, IdentityDb db, Caller caller, IOptions<InvitationOptions> options, TimeProvider time, CancellationToken cancel)
    {
        var now = time.GetUtcNow();
        var (invitation, code) = Invitation.Of(caller.Org, request.Email.ToLowerInvariant(), request.Role, now, options.Value.GoodFor);

        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var (_, actingRole) = await db.LockMembers(caller, cancel);

        if (actingRole is null)
        {
            return Problems.NoLongerAMember;
        }

        if (!Roles.AtLeast(Roles.Admin).Contains(actingRole) || (request.Role == Roles.Owner && actingRole != Roles.Owner))
        {
            return Problems.RoleTooLow;
        }

        await db.Invitations
            .Where(other => other.OrgId == caller.Org && (other.Email == invitation.Email || other.ExpiresAt <= now))
            .ExecuteDeleteAsync(cancel);
        db.Invitations.Add(invitation);
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);

        return TypedResults.Created(
            $"/identity/invitations/{invitation.Id}", new Response(invitation.Id, code, invitation.Email, invitation.Role, invitation.ExpiresAt));
    }
}
