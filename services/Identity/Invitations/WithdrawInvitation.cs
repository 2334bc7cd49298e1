using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Identity.Members;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Invitations;

/// <summary>Makes an invitation's code void.</summary>
internal static class WithdrawInvitation
{
    public static async Task<Results<NoContent, ProblemHttpResult>> Handle(Guid id, IdentityDb db, Caller caller, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var (_, actingRole) = await db.LockMembers(caller, cancel);

        if (!Roles.AtLeast(Roles.Admin).Contains(actingRole))
        {
            return Problems.NoLongerAMember;
        }

        var withdrawn = await db.Invitations
            .Where(invitation => invitation.OrgId == caller.Org && invitation.Id == id)
            .ExecuteDeleteAsync(cancel);
        await transaction.CommitAsync(cancel);

        return withdrawn == 1 ? TypedResults.NoContent() : Problems.NoSuchInvitation;
    }
}
