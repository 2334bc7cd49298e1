using Microsoft.EntityFrameworkCore;
using OpsPlatform.Identity.Organisations;
using OpsPlatform.Identity.Users;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Members;

/// <summary>Changes of who may do what take turns per organisation, and go by the acting person's role of now: a token may be ten minutes old.</summary>
internal static class MembersLock
{
    /// <returns>The organisation and the caller's role in it, null when they have left; held until the transaction ends.</returns>
    public static async Task<(Organisation? Organisation, string? ActingRole)> LockMembers(this IdentityDb db, Caller caller, CancellationToken cancel)
    {
        var (org, user) = (caller.Org, caller.UserId());
        var organisation = await db.Organisations
            .FromSql($"SELECT * FROM organisations WHERE org_id = {org} FOR UPDATE")
            .SingleOrDefaultAsync(cancel);
        var role = await db.Memberships
            .Where(membership => membership.OrgId == org && membership.UserId == user)
            .Select(membership => membership.Role)
            .SingleOrDefaultAsync(cancel);

        return (organisation, role);
    }

    public static async Task<bool> IsLastOwner(this IdentityDb db, Membership membership, CancellationToken cancel) =>
        membership.Role == Roles.Owner
        && !await db.Memberships.AnyAsync(
            other => other.OrgId == membership.OrgId && other.Role == Roles.Owner && other.Id != membership.Id, cancel);
}
