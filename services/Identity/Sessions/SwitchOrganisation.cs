using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Identity.Audit;
using OpsPlatform.Identity.Users;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Sessions;

/// <summary>Opens a session for another organisation the caller belongs to; the one at hand goes on.</summary>
internal static class SwitchOrganisation
{
    public sealed record Request(Guid OrganisationId);

    public static async Task<Results<Ok<SessionResponse>, ProblemHttpResult>> Handle(
        Request request, IdentityDb db, Session session, AuditTrail audit, Caller caller, CancellationToken cancel)
    {
        if (await session.MembershipOf(caller.UserId(), request.OrganisationId, cancel) is not { } membership)
        {
            return Problems.NoSuchOrganisation;
        }

        var user = await db.Users.AsNoTracking().SingleAsync(user => user.Id == membership.UserId, cancel);

        caller.ActAs(user.Id, membership.OrgId);
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var opened = await session.Open(user, membership, cancel);
        await audit.Write(AuditEvent.Switch, user.Id, cancel);
        await transaction.CommitAsync(cancel);

        return TypedResults.Ok(opened);
    }
}
