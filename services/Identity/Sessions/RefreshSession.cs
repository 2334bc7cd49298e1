using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Identity.Users;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Sessions;

/// <summary>
/// Trades a refresh token for a new pair, once. A token that comes again means two parties hold it, and nobody can tell which is
/// the thief: the whole family is revoked. So a client must not refresh twice at once; if it does, one wins, and both log in again.
/// </summary>
internal static class RefreshSession
{
    public sealed record Request([Required, MaxLength(128)] string RefreshToken);

    public static async Task<Results<Ok<SessionResponse>, ProblemHttpResult>> Handle(
        Request request, IdentityDb db, Session session, Caller caller, TimeProvider time, CancellationToken cancel)
    {
        var now = time.GetUtcNow();
        var hash = Secret.HashOf(request.RefreshToken);

        if (await db.RefreshTokens.AsNoTracking().SingleOrDefaultAsync(token => token.TokenHash == hash, cancel) is not { } known)
        {
            return Problems.RefreshInvalid;
        }

        caller.ActAs(known.UserId);
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await db.LockFamily(known.FamilyId, cancel);

        if (await db.RefreshTokens.SingleOrDefaultAsync(token => token.Id == known.Id, cancel) is not { } token)
        {
            // It had expired and was swept since.
            return Problems.RefreshInvalid;
        }

        if (token.UsedAt is not null)
        {
            await db.RevokeFamily(token.FamilyId, now, cancel);
            await transaction.CommitAsync(cancel);
            return Problems.RefreshReused;
        }

        if (!token.IsAlive(now) || await session.MembershipOf(token.UserId, token.OrganisationId, cancel) is not { } membership)
        {
            return Problems.RefreshInvalid;
        }

        var user = await db.Users.AsNoTracking().SingleAsync(user => user.Id == token.UserId, cancel);
        token.UsedAt = now;
        var opened = await session.Open(user, membership, cancel, token.FamilyId);
        await transaction.CommitAsync(cancel);

        return TypedResults.Ok(opened);
    }
}
