using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Contracts;
using OpsPlatform.Identity.Audit;
using OpsPlatform.Identity.Sessions;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Members;

/// <summary>Ends a membership, its refresh tokens and an invitation to its address; access tokens end by themselves within ten minutes.</summary>
internal static class RemoveMember
{
    public static async Task<Results<NoContent, ProblemHttpResult>> Handle(
        Guid userId, IdentityDb db, Caller caller, AuditTrail audit, TimeProvider time, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var (_, actingRole) = await db.LockMembers(caller, cancel);

        if (actingRole is null)
        {
            return Problems.NoLongerAMember;
        }

        if (await db.Memberships.SingleOrDefaultAsync(member => member.OrgId == caller.Org && member.UserId == userId, cancel) is not { } membership)
        {
            return Problems.NoSuchMember;
        }

        if (!Roles.AtLeast(Roles.Admin).Contains(actingRole) || (membership.Role == Roles.Owner && actingRole != Roles.Owner))
        {
            return Problems.RoleTooLow;
        }

        if (await db.IsLastOwner(membership, cancel))
        {
            return Problems.LastOwner;
        }

        db.Memberships.Remove(membership);
        db.Publish(new MemberLeft(userId));
        await db.SaveChangesAsync(cancel);
        // Sent while they were a member, it would let them back in.
        var email = await db.Users.Where(user => user.Id == userId).Select(user => user.Email!).SingleAsync(cancel);
        var address = email.ToLowerInvariant();
        await db.Invitations.Where(invitation => invitation.OrgId == caller.Org && invitation.Email == address).ExecuteDeleteAsync(cancel);
        await db.RevokeMember(caller.Org, userId, time.GetUtcNow(), cancel);
        await audit.Write(AuditEvent.MemberRemoved, userId, cancel, detail: $"was {membership.Role}");
        await transaction.CommitAsync(cancel);

        return TypedResults.NoContent();
    }
}
