using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Approvals;

/// <summary>Operations that wait for the caller's vote, the oldest first.</summary>
internal static class ListApprovals
{
    internal sealed record Key(DateTimeOffset QueuedAt, Guid Id);

    public static async Task<Ok<Page<OperationView>>> Handle(
        int? limit, string? cursor, ClaimsPrincipal user, OperationsDb db, OperationReader operations, MemberDirectory directory, Caller caller, TimeProvider time,
        CancellationToken cancel)
    {
        var size = Paging.Limit(limit);
        var after = Paging.Decode<Key>(cursor) ?? new(DateTimeOffset.MinValue, Guid.Empty);
        var userId = Viewer.Of(user).UserId;
        var role = (await directory.Of(caller.Org, cancel)).FirstOrDefault(x => string.Equals(x.UserId, userId, StringComparison.OrdinalIgnoreCase))?.Role;
        if (role is null)
        {
            return TypedResults.Ok(new Page<OperationView>([], null));
        }

        var page = await db.Operations.FromSql(
            $"""
            SELECT o.* FROM approvals a JOIN operations o ON o.org_id = a.org_id AND o.id = a.operation_id
            WHERE a.org_id = (SELECT current_org()) AND a.state = 'open' AND a.due_at > {time.GetUtcNow()}
              AND ({role} = ANY(a.asked_roles) OR lower({userId}) = ANY(a.asked_users))
              AND (lower(o.user_id) <> lower({userId}) OR (o.plan -> 'policy' ->> 'allows_own_vote')::boolean)
              AND NOT EXISTS (SELECT FROM votes v WHERE v.org_id = a.org_id AND v.operation_id = a.operation_id AND v.voter = {userId} AND v.state = 'counts')
              AND (o.queued_at, o.id) > ({after.QueuedAt}, {after.Id})
            ORDER BY o.queued_at, o.id LIMIT {size + 1}
            """).AsNoTracking().ToListAsync(cancel);
        return TypedResults.Ok(Paging.Cut([.. page.Select(operations.View)], size, x => new Key(x.QueuedAt, x.OperationId)));
    }
}
