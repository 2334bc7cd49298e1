using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Identity.Audit;
using OpsPlatform.Identity.Users;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Sessions;

/// <summary>Ends the log-in the refresh token belongs to; an unknown or dead token is logged out already.</summary>
internal static class LogOut
{
    public sealed record Request([Required, MaxLength(128)] string RefreshToken);

    public static async Task<NoContent> Handle(
        Request request, IdentityDb db, Caller caller, AuditTrail audit, TimeProvider time, CancellationToken cancel)
    {
        var hash = Secret.HashOf(request.RefreshToken);

        if (await db.RefreshTokens.AsNoTracking().SingleOrDefaultAsync(token => token.TokenHash == hash, cancel) is { } known)
        {
            caller.ActAs(known.UserId, known.OrganisationId);
            await using var transaction = await db.Database.BeginTransactionAsync(cancel);
            await db.LockFamily(known.FamilyId, cancel);

            if (await db.RevokeFamily(known.FamilyId, time.GetUtcNow(), cancel) > 0)
            {
                await audit.Write(AuditEvent.LogOut, known.UserId, cancel);
            }

            await transaction.CommitAsync(cancel);
        }

        return TypedResults.NoContent();
    }
}
