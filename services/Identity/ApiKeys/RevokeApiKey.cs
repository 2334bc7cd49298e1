using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Identity.Audit;
using OpsPlatform.Identity.Members;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.ApiKeys;

/// <summary>Ends a key: it is refused everywhere within a minute. Said twice it stays ended.</summary>
internal static class RevokeApiKey
{
    public static async Task<Results<NoContent, ProblemHttpResult>> Handle(
        Guid id, IdentityDb db, Caller caller, AuditTrail audit, TimeProvider time, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var (_, actingRole) = await db.LockMembers(caller, cancel);

        if (!Roles.AtLeast(Roles.Admin).Contains(actingRole))
        {
            return Problems.NoLongerAMember;
        }

        if (await db.ApiKeys.SingleOrDefaultAsync(key => key.OrgId == caller.Org && key.Id == id, cancel) is not { } key)
        {
            return Problems.NoSuchApiKey;
        }

        if (key.RevokedAt is null)
        {
            key.RevokedAt = time.GetUtcNow();
            await db.SaveChangesAsync(cancel);
            await audit.Write(AuditEvent.ApiKeyRevoked, key.CreatedBy, cancel, detail: $"{key.Prefix} {key.Name}");
            await transaction.CommitAsync(cancel);
        }

        return TypedResults.NoContent();
    }

    /// <summary>Whoever leaves has seen the keys they made.</summary>
    public static async Task RevokeKeysOf(this IdentityDb db, Guid organisationId, Guid userId, AuditTrail audit, DateTimeOffset now, CancellationToken cancel)
    {
        foreach (var key in await db.ApiKeys.Where(key => key.OrgId == organisationId && key.CreatedBy == userId && key.RevokedAt == null).ToListAsync(cancel))
        {
            key.RevokedAt = now;
            await audit.Write(AuditEvent.ApiKeyRevoked, userId, cancel, detail: $"{key.Prefix} {key.Name}: its maker was removed");
        }

        await db.SaveChangesAsync(cancel);
    }
}
