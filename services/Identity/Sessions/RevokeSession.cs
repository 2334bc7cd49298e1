using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Identity.Audit;
using OpsPlatform.Identity.Users;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Sessions;

/// <summary>Ends one of the caller's own sessions: it cannot be refreshed from now on, and its access token ends within ten minutes.</summary>
internal static class RevokeSession
{
    public sealed record OthersResponse(int Revoked);

    public static async Task<Results<NoContent, ProblemHttpResult>> Handle(
        Guid id, IdentityDb db, Caller caller, AuditTrail audit, TimeProvider time, CancellationToken cancel)
    {
        var now = time.GetUtcNow();

        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await db.LockFamily(id, cancel);

        if (!await db.Sessions.Alive(caller.UserId(), now).AnyAsync(session => session.Id == id, cancel))
        {
            return Problems.NoSuchSession;
        }

        await db.RevokeFamily(id, now, cancel);
        await audit.Write(AuditEvent.SessionRevoked, caller.UserId(), cancel, detail: $"session {id}");
        await transaction.CommitAsync(cancel);

        return TypedResults.NoContent();
    }

    /// <summary>Ends all of the caller's sessions but the one this is asked with.</summary>
    public static async Task<Results<Ok<OthersResponse>, ProblemHttpResult>> Others(
        IdentityDb db, Caller caller, ClaimsPrincipal principal, AuditTrail audit, TimeProvider time, CancellationToken cancel)
    {
        var now = time.GetUtcNow();

        if (principal.SessionId() is not { } current)
        {
            return Problems.NoSession;
        }

        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var revoked = await db.RevokeOthers(caller.UserId(), current, now, cancel);
        await audit.Write(AuditEvent.SessionRevoked, caller.UserId(), cancel, detail: $"{revoked} other sessions");
        await transaction.CommitAsync(cancel);

        return TypedResults.Ok(new OthersResponse(revoked));
    }
}
