using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Identity.Audit;
using OpsPlatform.Identity.Users;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Sessions;

/// <summary>
/// Trades a refresh token for a new pair, once. Within ten seconds the same token gets the same successor again, as long as that
/// was not used: two tabs refresh at once, an answer gets lost. Later, two parties hold it and nobody can tell which is the thief:
/// the whole session is revoked.
/// </summary>
internal static class RefreshSession
{
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    public sealed record Request([Required, MaxLength(128)] string RefreshToken);

    public static async Task<Results<Ok<SessionResponse>, ProblemHttpResult>> Handle(
        Request request, IdentityDb db, Session session, AuditTrail audit, Caller caller, TimeProvider time, CancellationToken cancel)
    {
        var now = time.GetUtcNow();
        var hash = Secret.HashOf(request.RefreshToken);

        if (await db.RefreshTokens.AsNoTracking().SingleOrDefaultAsync(token => token.TokenHash == hash, cancel) is not { } known)
        {
            return Problems.RefreshInvalid;
        }

        caller.ActAs(known.UserId, known.OrganisationId);
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await db.LockFamily(known.FamilyId, cancel);

        if (await db.RefreshTokens.SingleOrDefaultAsync(token => token.Id == known.Id, cancel) is not { } token)
        {
            // It had expired and was swept since.
            return Problems.RefreshInvalid;
        }

        var successor = await SuccessorOf(token, request.RefreshToken, db, now, cancel);

        if (token.UsedAt is not null && successor is null)
        {
            await db.RevokeFamily(token.FamilyId, now, cancel);
            await audit.Write(AuditEvent.RefreshReused, token.UserId, cancel, "reused");
            await transaction.CommitAsync(cancel);
            return Problems.RefreshReused;
        }

        if ((successor is null && !token.IsAlive(now)) || await session.MembershipOf(token.UserId, token.OrganisationId, cancel) is not { } membership)
        {
            await audit.Write(AuditEvent.Refresh, token.UserId, cancel, "revoked_or_expired");
            await transaction.CommitAsync(cancel);
            return Problems.RefreshInvalid;
        }

        var user = await db.Users.AsNoTracking().SingleAsync(user => user.Id == token.UserId, cancel);

        if (await session.GoOn(user, membership, token, successor ?? Secret.SuccessorOf(request.RefreshToken, token.NextSalt()), isNew: successor is null, cancel)
            is not { } opened)
        {
            return Problems.RefreshInvalid;
        }

        await transaction.CommitAsync(cancel);

        return TypedResults.Ok(opened);
    }

    /// <returns>The token that followed this one, while it may be told again.</returns>
    private static async Task<string?> SuccessorOf(RefreshToken token, string text, IdentityDb db, DateTimeOffset now, CancellationToken cancel)
    {
        if (token is not { UsedAt: { } usedAt, SuccessorSalt: { } salt, RevokedAt: null } || now - usedAt > Grace)
        {
            return null;
        }

        var successor = Secret.SuccessorOf(text, salt);
        var hash = Secret.HashOf(successor);

        return await db.RefreshTokens.AsNoTracking().SingleOrDefaultAsync(next => next.TokenHash == hash, cancel) is { } next && next.IsAlive(now)
            ? successor
            : null;
    }
}
