using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Users;

/// <summary>Who the caller is, and everywhere they belong.</summary>
internal static class GetMe
{
    public sealed record Response(
        Guid UserId, string Email, string DisplayName, Guid OrganisationId, string Role, IReadOnlyList<JoinedOrganisation> Organisations);

    public sealed record JoinedOrganisation(Guid Id, string Name, string Role);

    public static async Task<Results<Ok<Response>, ProblemHttpResult>> Handle(IdentityDb db, Caller caller, CancellationToken cancel)
    {
        var id = caller.UserId();
        var joined = await (
            from membership in db.Memberships
            join organisation in db.Organisations on membership.OrgId equals organisation.Id
            where membership.UserId == id
            orderby membership.CreatedAt, membership.Id
            select new JoinedOrganisation(organisation.Id, organisation.Name, membership.Role)).ToListAsync(cancel);

        if (joined.Find(organisation => organisation.Id == caller.Org) is not { } current)
        {
            return Problems.NoLongerAMember;
        }

        var user = await db.Users.AsNoTracking().SingleAsync(user => user.Id == id, cancel);

        return TypedResults.Ok(new Response(id, user.Email!, user.DisplayName, current.Id, current.Role, joined));
    }
}
