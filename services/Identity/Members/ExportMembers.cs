using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Members;

/// <summary>Everybody who may act in the organisation with their roles, all at once, for a service that asks them something.</summary>
internal static class ExportMembers
{
    public sealed record Response(IReadOnlyList<Member> Items);

    public sealed record Member(Guid UserId, string Role, string DisplayName);

    public static async Task<Results<Ok<Response>, ProblemHttpResult>> Handle(IdentityDb db, Caller caller, CancellationToken cancel)
    {
        if (caller.OrgId is not { } org)
        {
            return Problems.NoSuchOrganisation;
        }

        return TypedResults.Ok(new Response(await (
            from membership in db.Memberships.AsNoTracking()
            join user in db.Users.AsNoTracking() on membership.UserId equals user.Id
            where membership.OrgId == org
            orderby membership.Id
            select new Member(user.Id, membership.Role, user.DisplayName)).ToListAsync(cancel)));
    }
}
