using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Identity.Audit;
using OpsPlatform.Identity.Members;
using OpsPlatform.Identity.Users;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.ApiKeys;

/// <summary>Makes a key for a program; the answer shows it for the only time.</summary>
internal static class CreateApiKey
{
    public const int MaxKeys = 100;
    public const int DefaultDays = 90;
    public const int MaxDays = 365;

    /// <param name="Name">What it is for, for people.</param>
    /// <param name="Scopes">
    /// What it may do, such as orders:read; a write scope does not include reading. sync:read opens the changes, with their rows, of
    /// every tracked table of the organisation, whichever service owns it.
    /// </param>
    /// <param name="ExpiresInDays">1 to 365; 90 when left out.</param>
    public sealed record Request(
        [Required, MaxLength(100)] string Name, [Scopes] IReadOnlyList<string> Scopes, [Range(1, MaxDays)] int ExpiresInDays = DefaultDays);

    /// <param name="Key">Send it as X-Api-Key, or as Authorization: ApiKey. It cannot be shown again.</param>
    /// <param name="Prefix">The part by which lists show it.</param>
    public sealed record Response(Guid Id, string Key, string Prefix, string Name, IReadOnlyList<string> Scopes, DateTimeOffset ExpiresAt);

    public static async Task<Results<Created<Response>, ProblemHttpResult>> Handle(
        Request request, IdentityDb db, Caller caller, AuditTrail audit, TimeProvider time, CancellationToken cancel)
    {
        var now = time.GetUtcNow();
        var (row, key) = ApiKey.Of(caller.Org, request.Name, request.Scopes, caller.UserId(), now, now.AddDays(request.ExpiresInDays));

        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var (_, actingRole) = await db.LockMembers(caller, cancel);

        if (!Roles.AtLeast(Roles.Admin).Contains(actingRole))
        {
            return Problems.NoLongerAMember;
        }

        if (await db.ApiKeys.CountAsync(other => other.OrgId == caller.Org && other.RevokedAt == null && other.ExpiresAt > now, cancel) >= MaxKeys)
        {
            return Problems.TooManyApiKeys(MaxKeys);
        }

        db.ApiKeys.Add(row);
        await db.SaveChangesAsync(cancel);
        await audit.Write(AuditEvent.ApiKeyCreated, caller.UserId(), cancel, detail: $"{row.Prefix} {row.Name}: {string.Join(' ', row.Scopes)}");
        await transaction.CommitAsync(cancel);

        return TypedResults.Created($"/identity/api-keys/{row.Id}", new Response(row.Id, key, row.Prefix, row.Name, row.Scopes, row.ExpiresAt));
    }
}
