using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.Identity.Sessions;

/// <summary>Ends the log-in the refresh token belongs to; an unknown or dead token is logged out already.</summary>
internal static class LogOut
{
    public sealed record Request([Required, MaxLength(128)] string RefreshToken);

    public static async Task<NoContent> Handle(Request request, IdentityDb db, TimeProvider time, CancellationToken cancel)
    {
        var hash = Secret.HashOf(request.RefreshToken);

        if (await db.RefreshTokens.AsNoTracking().SingleOrDefaultAsync(token => token.TokenHash == hash, cancel) is { } known)
        {
            await using var transaction = await db.Database.BeginTransactionAsync(cancel);
            await db.LockFamily(known.FamilyId, cancel);
            await db.RevokeFamily(known.FamilyId, time.GetUtcNow(), cancel);
            await transaction.CommitAsync(cancel);
        }

        return TypedResults.NoContent();
    }
}
