using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Identity.Users;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Identity.Audit;

/// <summary>What happened in the organisation and at its members' sign-ins, the latest first.</summary>
internal static class ListAudit
{
    /// <param name="UserId">Whom it is about.</param>
    /// <param name="Actor">Who did it: a user id or a service.</param>
    /// <param name="Reason">Why it was refused.</param>
    /// <param name="Email">The address that was tried.</param>
    public sealed record Entry(
        Guid Id, DateTimeOffset CreatedAt, AuditEvent Event, bool Succeeded, string? Reason, string? Detail, Guid? UserId, string? Actor,
        string? Email, string? Address, string? UserAgent);

    public static Task<Ok<Page<Entry>>> Handle(
        IdentityDb db, Caller caller, CancellationToken cancel, int? limit = null, string? cursor = null,
        Guid? userId = null, Named<AuditEvent>? @event = null)
    {
        // What happened before an organisation was known belongs to all organisations of that person.
        var entries = db.AuditEntries.Where(entry => entry.OrgId == caller.Org
            || (entry.OrgId == null && db.Memberships.Any(member => member.OrgId == caller.Org && member.UserId == entry.UserId)));

        return Page(userId is null ? entries : entries.Where(entry => entry.UserId == userId), @event, limit, cursor, cancel);
    }

    /// <summary>The caller's own, in every organisation.</summary>
    public static Task<Ok<Page<Entry>>> Mine(
        IdentityDb db, Caller caller, CancellationToken cancel, int? limit = null, string? cursor = null, Named<AuditEvent>? @event = null)
    {
        var id = caller.UserId();

        return Page(db.AuditEntries.Where(entry => entry.UserId == id), @event, limit, cursor, cancel);
    }

    private static async Task<Ok<Page<Entry>>> Page(
        IQueryable<AuditEntry> entries, Named<AuditEvent>? what, int? limit, string? cursor, CancellationToken cancel)
    {
        var size = Paging.Limit(limit);
        var before = Paging.Decode<Guid?>(cursor);

        if (before is not null)
        {
            entries = entries.Where(entry => entry.Id < before);
        }

        if (what is { Value: var only })
        {
            entries = entries.Where(entry => entry.Event == only);
        }

        var rows = await entries.AsNoTracking().OrderByDescending(entry => entry.Id).Take(size + 1).ToListAsync(cancel);
        var page = Paging.Cut(rows, size, entry => entry.Id);

        return TypedResults.Ok(new Page<Entry>(
            [.. page.Items.Select(entry => new Entry(
                entry.Id, entry.CreatedAt, entry.Event, entry.Succeeded, entry.Reason, entry.Detail, entry.UserId, entry.Actor,
                entry.Email, entry.Address, entry.UserAgent))],
            page.NextCursor));
    }
}
