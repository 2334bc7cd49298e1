using System.ComponentModel.DataAnnotations;
using System.Data;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Timeline;

/// <summary>
/// Verifies the organisation's whole timeline: that no entry was edited, left out or put elsewhere. Given the head that an earlier audit
/// answered, as position and hash, also that nothing was cut off or written anew since.
/// </summary>
internal static class AuditTimeline
{
    private const int PageSize = 1_000;

    /// <param name="Position">Of a head noted earlier.</param>
    /// <param name="Hash">Of the same head, in hex.</param>
    internal sealed record AuditRequest(
        [FromQuery(Name = "position")][property: Range(1, long.MaxValue)] long? Position,
        [FromQuery(Name = "hash")][property: RegularExpression("[0-9a-f]{64}")] string? Hash) : IValidatableObject
    {
        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
            (Position is null) == (Hash is null) ? [] : [new("comes with position, and position with it", [nameof(Hash)])];
    }

    /// <param name="Entries">Read until the first fault, or all.</param>
    /// <param name="Head">The last position and its hash, in hex: note it somewhere else, and give it to a later audit.</param>
    public record Response(bool IsIntact, long Entries, Head Head, Fault? FirstFault);

    public record Head(long Position, string Hash);

    /// <param name="What">edited, missing or reordered.</param>
    public record Fault(long Position, string What);

    public static async Task<Ok<Response>> Handle([AsParameters] AuditRequest request, OperationsDb db, Caller caller, CancellationToken cancel)
    {
        // One look at the whole: what is appended meanwhile is not half seen.
        await using var snapshot = await db.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancel);
        var head = await ReadHead(db, caller.Org, cancel);
        var (entries, fault) = await Walk(db, head, request, cancel);
        return TypedResults.Ok(new Response(fault is null, entries, new(head.Position, Convert.ToHexStringLower(head.Hash)), fault));
    }

    private static async Task<(long Entries, Fault? Fault)> Walk(OperationsDb db, (long Position, byte[] Hash) head, AuditRequest noted, CancellationToken cancel)
    {
        var (last, hash) = (0L, Chain.Beginning);
        while (await Page(db, last, cancel) is { Count: > 0 } page)
        {
            foreach (var entry in page)
            {
                var next = last + 1;
                if (entry.Position != next || !Chain.Hash(hash, entry, next).SequenceEqual(entry.Hash))
                {
                    var isElsewhere = await StandsElsewhere(db, hash, next, cancel);
                    return (last, new(next, isElsewhere ? "reordered" : entry.Position == next ? "edited" : "missing"));
                }

                (last, hash) = (next, entry.Hash);
                if (noted.Position == last && noted.Hash != Convert.ToHexStringLower(hash))
                {
                    return (last, new(last, "edited"));
                }
            }
        }

        // The entries are whole in themselves; the head says how many there were.
        return last < head.Position || last < noted.Position ? (last, new(last + 1, "missing"))
            : last > head.Position || !hash.SequenceEqual(head.Hash) ? (last, new(last, "edited"))
            : (last, null);
    }

    /// <summary>Whether the entry that the chain goes on with is somewhere behind.</summary>
    private static async Task<bool> StandsElsewhere(OperationsDb db, byte[] before, long position, CancellationToken cancel)
    {
        for (var last = position; await Page(db, last, cancel) is { Count: > 0 } page; last = page[^1].Position)
        {
            if (page.Any(entry => Chain.Hash(before, entry, position).SequenceEqual(entry.Hash)))
            {
                return true;
            }
        }

        return false;
    }

    private static Task<List<TimelineEntry>> Page(OperationsDb db, long after, CancellationToken cancel) =>
        db.Timeline.AsNoTracking().Where(x => x.Position > after).OrderBy(x => x.Position).Take(PageSize).ToListAsync(cancel);

    private static async Task<(long Position, byte[] Hash)> ReadHead(OperationsDb db, Guid org, CancellationToken cancel)
    {
        var head = await db.TimelineHeads.AsNoTracking().SingleOrDefaultAsync(x => x.OrgId == org, cancel);
        return (head?.Position ?? 0, head?.Hash ?? Chain.Beginning);
    }
}
