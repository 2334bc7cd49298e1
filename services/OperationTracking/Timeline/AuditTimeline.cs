using System.ComponentModel.DataAnnotations;
using System.Data;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.OperationTracking.Checkpoints;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Timeline;

/// <summary>
/// Verifies the organisation's whole timeline: that no entry was edited, left out or put elsewhere, and that it agrees with every checkpoint that was
/// signed of it. Given the head that an earlier audit answered, as position and hash, also that nothing was cut off or written anew since.
/// </summary>
internal static class AuditTimeline
{
    /// <param name="Position">Of a head noted earlier.</param>
    /// <param name="Hash">Of the same head, in hex.</param>
    internal sealed record AuditRequest(
        [FromQuery(Name = "position")][property: AtLeast(1)] long? Position,
        [FromQuery(Name = "hash")][property: RegularExpression("[0-9a-f]{64}")] string? Hash) : IValidatableObject
    {
        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
            (Position is null) == (Hash is null) ? [] : [new("comes with position, and position with it", [nameof(Hash)])];
    }

    /// <param name="Entries">Read until the first fault, or all.</param>
    /// <param name="Head">The last position and its hash, in hex: note it somewhere else, and give it to a later audit.</param>
    /// <param name="Checkpoints">Found good until the first fault, or all.</param>
    /// <param name="LatestCheckpoint">The last one found good; null when there is none.</param>
    public record Response(bool IsIntact, long Entries, Head Head, Fault? FirstFault, long Checkpoints, Checkpoint? LatestCheckpoint);

    public record Head(long Position, string Hash);

    /// <param name="What">
    /// edited, missing or reordered: the entry there. rewritten: it is not the one that was signed, though the chain is whole in itself.
    /// checkpoint: no key known here signed the one that is kept there.
    /// </param>
    public record Fault(long Position, string What);

    public static async Task<Ok<Response>> Handle([AsParameters] AuditRequest request, OperationsDb db, CheckpointKeys keys, Caller caller, CancellationToken cancel)
    {
        // One look at the whole: what is appended meanwhile is not half seen.
        await using var snapshot = await db.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancel);
        var head = await ReadHead(db, caller.Org, cancel);
        var checkpoints = new CheckpointReader(db, keys, caller.Org);
        var (entries, fault) = await Walk(db, head, checkpoints, request, cancel);
        return TypedResults.Ok(new Response(
            fault is null, entries, new(head.Position, Convert.ToHexStringLower(head.Hash)), fault, checkpoints.Good, checkpoints.Latest));
    }

    private static async Task<(long Entries, Fault? Fault)> Walk(
        OperationsDb db, (long Position, byte[] Hash) head, CheckpointReader checkpoints, AuditRequest noted, CancellationToken cancel)
    {
        var (last, hash) = (0L, Chain.Beginning);
        await foreach (var entry in Chain.Follow(db, last, hash, cancel))
        {
            (last, hash) = (entry.Position, entry.Hash);
            if (await checkpoints.FaultAt(last, hash, cancel) is { } what)
            {
                return (last, new(last, what));
            }

            if (noted.Position == last && noted.Hash != Convert.ToHexStringLower(hash))
            {
                return (last, new(last, "edited"));
            }
        }

        if (await Chain.Page(db, last, cancel) is [var next, ..])
        {
            var isElsewhere = await StandsElsewhere(db, hash, last + 1, cancel);
            return (last, new(last + 1, isElsewhere ? "reordered" : next.Position == last + 1 ? "edited" : "missing"));
        }

        // The entries are whole in themselves; the head and the checkpoints say how many there were.
        return last < head.Position || last < noted.Position ? (last, new(last + 1, "missing"))
            : last > head.Position || !hash.SequenceEqual(head.Hash) ? (last, new(last, "edited"))
            : (last, await checkpoints.FaultBehind(last, cancel));
    }

    /// <summary>Whether the entry that the chain goes on with is somewhere behind.</summary>
    private static async Task<bool> StandsElsewhere(OperationsDb db, byte[] before, long position, CancellationToken cancel)
    {
        for (var last = position; await Chain.Page(db, last, cancel) is { Count: > 0 } page; last = page[^1].Position)
        {
            if (page.Any(entry => Chain.Hash(before, entry, position).SequenceEqual(entry.Hash)))
            {
                return true;
            }
        }

        return false;
    }

    private static async Task<(long Position, byte[] Hash)> ReadHead(OperationsDb db, Guid org, CancellationToken cancel)
    {
        var head = await db.TimelineHeads.AsNoTracking().SingleOrDefaultAsync(x => x.OrgId == org, cancel);
        return (head?.Position ?? 0, head?.Hash ?? Chain.Beginning);
    }
}
