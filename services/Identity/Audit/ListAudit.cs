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
        var size = Paging.Limit(limit);
        var wanted = Wanted(db, cursor, @event);

        if (userId is not null)
        {
            wanted = wanted.Where(entry => entry.UserId == userId);
        }

        // What happened before an organisation was known belongs to all organisations of that person. Each part walks an index as
        // far as the page goes; as one condition with OR the two would read all there is.
        var entries = wanted.Where(entry => entry.OrgId == caller.Org).OrderByDescending(entry => entry.Id).Take(size + 1)
            .Concat(db.Memberships.Where(member => member.OrgId == caller.Org).SelectMany(member =>
                wanted.Where(entry => entry.OrgId == null && entry.UserId == member.UserId).OrderByDescending(entry => entry.Id).Take(size + 1)));

        return Page(entries, size, cancel);
    }

    /// <summary>The caller's own, in every organisation.</summary>
    public static Task<Ok<Page<Entry>>> Mine(
        IdentityDb db, Caller caller, CancellationToken cancel, int? limit = null, string? cursor = null, Named<AuditEvent>? @event = null)
    {
        var id = caller.UserId();

        return Page(Wanted(db, cursor, @event).Where(entry => entry.UserId == id), Paging.Limit(limit), cancel);
    }

    private static IQueryable<AuditEntry> Wanted(IdentityDb db, string? cursor, Named<AuditEvent>? what)
    {
        var entries = db.AuditEntries.AsNoTracking();

        if (Paging.Decode<Guid?>(cursor) is { } before)
        {
            entries = entries.Where(entry => entry.Id < before);
        }

        return what is { Value: var only } ? entries.Where(entry => entry.Event == only) : entries;
    }

    private static async Task<Ok<Page<Entry>>> Page(IQueryable<AuditEntry> entries, int size, CancellationToken cancel)
    {
        var rows = await entries.OrderByDescending(entry => entry.Id).Take(size + 1).ToListAsync(cancel);
        var page = Paging.Cut(rows, size, entry => entry.Id);

        return TypedResults.Ok(new Page<Entry>(
            [.. page.Items.Select(entry => new Entry(
                entry.Id, entry.CreatedAt, entry.Event, entry.Succeeded, entry.Reason, entry.Detail, entry.UserId, entry.Actor,
                entry.Email, entry.Address, entry.UserAgent))],
            page.NextCursor));
    }
}
