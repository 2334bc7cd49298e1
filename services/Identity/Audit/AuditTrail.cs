using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Identity.Users;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Audit;

/// <summary>Writes down what happens, within the transaction at hand if there is one; for the organisation that is acting, if one is.</summary>
internal sealed class AuditTrail(IdentityDb db, Caller caller, IHttpContextAccessor accessor, TimeProvider time)
{
    private const int MaxDetailChars = 400;

    /// <param name="about">Whom it is about.</param>
    /// <param name="refusedBecause">Null when it succeeded.</param>
    /// <param name="email">The address that was tried; anything that is none is left out: people type passwords into the wrong field.</param>
    public Task Write(
        AuditEvent what, Guid? about, CancellationToken cancel, string? refusedBecause = null, string? detail = null, string? email = null,
        Origin? origin = null)
    {
        var now = time.GetUtcNow();
        var (address, userAgent) = origin ?? Origin.Of(accessor.HttpContext);
        var name = JsonNamingPolicy.SnakeCaseLower.ConvertName(what.ToString());
        var typed = new EmailAttribute().IsValid(email) ? email : null;
        var shortened = detail?.Length > MaxDetailChars ? detail[..MaxDetailChars] : detail;

        // By SQL: after a refusal the context may hold changes that must not be saved.
        return db.Database.ExecuteSqlAsync($"""
            INSERT INTO audit_entries (id, created_at, org_id, user_id, actor, event, succeeded, reason, detail, email, address, user_agent)
            VALUES ({Guid.CreateVersion7(now)}, {now}, {caller.OrgId}, {about}, {caller.Actor}, {name}, {refusedBecause is null},
              {refusedBecause}, {shortened}, {typed}, {address}, {userAgent})
            """, cancel);
    }
}
