using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Contracts;
using OpsPlatform.Identity.Audit;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Members;

/// <summary>Gives a member another role; their tokens take it up when they are refreshed, within ten minutes.</summary>
internal static class ChangeMemberRole
{
    public sealed record Request([AllowedValues(Roles.Viewer, Roles.Staff, Roles.Admin, Roles.Owner)] string Role);

    public static async Task<Results<Ok<MemberResponse>, ProblemHttpResult>> Handle(
        Guid userId, Request request, IdentityDb db, Caller caller, AuditTrail audit, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var (_, actingRole) = await db.LockMembers(caller, cancel);

        if (actingRole != Roles.Owner)
        {
            return Problems.RoleTooLow;
        }

        if (await db.Memberships.SingleOrDefaultAsync(member => member.OrgId == caller.Org && member.UserId == userId, cancel) is not { } membership)
        {
            return Problems.NoSuchMember;
        }

        if (request.Role != Roles.Owner && await db.IsLastOwner(membership, cancel))
        {
            return Problems.LastOwner;
        }

        if (membership.Role != request.Role)
        {
            var before = membership.Role;
            membership.Role = request.Role;
            db.Publish(new MemberJoined(userId, request.Role));
            await db.SaveChangesAsync(cancel);
            await audit.Write(AuditEvent.RoleChanged, userId, cancel, detail: $"{before} to {request.Role}");
            await transaction.CommitAsync(cancel);
        }

        var user = await db.Users.AsNoTracking().SingleAsync(user => user.Id == userId, cancel);

        return TypedResults.Ok(MemberResponse.Of(user, membership));
    }
}
