using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Members;

/// <summary>One member of the organisation.</summary>
internal static class GetMember
{
    public static async Task<Results<Ok<MemberResponse>, ProblemHttpResult>> Handle(
        Guid userId, IdentityDb db, Caller caller, CancellationToken cancel)
    {
        var found = await (
            from membership in db.Memberships.AsNoTracking()
            join user in db.Users.AsNoTracking() on membership.UserId equals user.Id
            where membership.OrgId == caller.Org && membership.UserId == userId
            select new { membership, user }).SingleOrDefaultAsync(cancel);

        return found is null ? Problems.NoSuchMember : TypedResults.Ok(MemberResponse.Of(found.user, found.membership));
    }
}
