using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Members;

/// <summary>Everybody who may act in the organisation, in the order they joined.</summary>
internal static class ListMembers
{
    public static async Task<Ok<Page<MemberResponse>>> Handle(
        IdentityDb db, Caller caller, CancellationToken cancel, int? limit = null, string? cursor = null)
    {
        var size = Paging.Limit(limit);
        var after = Paging.Decode<Guid>(cursor);
        var rows = await (
            from membership in db.Memberships.AsNoTracking()
            join user in db.Users.AsNoTracking() on membership.UserId equals user.Id
            where membership.OrgId == caller.Org && membership.Id > after
            orderby membership.Id
            select new { membership, user }).Take(size + 1).ToListAsync(cancel);
        var page = Paging.Cut(rows, size, row => row.membership.Id);

        return TypedResults.Ok(new Page<MemberResponse>([.. page.Items.Select(row => MemberResponse.Of(row.user, row.membership))], page.NextCursor));
    }
}
