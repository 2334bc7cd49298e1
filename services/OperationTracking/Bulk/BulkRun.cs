using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using OpsPlatform.OperationTracking.Operations;
using Operation = OpsPlatform.OperationTracking.Operations.Operation;
using Running = OpsPlatform.ServiceDefaults.Work.Operation;

namespace OpsPlatform.OperationTracking.Bulk;

/// <param name="SeesAll">Whether who asked was an admin then.</param>
internal sealed record BulkArgs(string UserId, bool SeesAll, string? Reason, int Total)
{
    public Viewer Viewer => new(UserId, SeesAll);
}

/// <summary>Goes through many operations, some at a time: what was done to them is stored with what became of each and with where the next batch begins.</summary>
internal sealed class BulkRun(OperationsDb db)
{
    /// <summary>They, and the organisation's timeline, are locked until the batch is stored.</summary>
    private const int AtOnce = 50;

    /// <param name="After">The last operation done, in the order of ids.</param>
    private sealed record Place(Guid After, int Done, int Failed, int Skipped);

    /// <param name="apply">Stores what became of each as well, and commits.</param>
    /// <param name="skips">Why there is nothing to do to an operation; null when there is.</param>
    public async Task<object?> Do(
        BulkArgs args, Running running, Func<Operation, string?> skips, Func<IDbContextTransaction, IReadOnlyCollection<Operation>, Task> apply, CancellationToken cancel)
    {
        var place = running.Checkpoint<Place>() ?? new(Guid.Empty, 0, 0, 0);
        while (await Batch(args, running, place, skips, apply, cancel) is { } next)
        {
            place = next;
            running.Report(new(place.Done, args.Total, place.Failed, place.Skipped));
        }

        return new { place.Done, place.Failed, place.Skipped, items = $"/operations/{running.Id}/bulk" };
    }

    private async Task<Place?> Batch(
        BulkArgs args, Running running, Place place, Func<Operation, string?> skips, Func<IDbContextTransaction, IReadOnlyCollection<Operation>, Task> apply, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var items = await db.BulkItems.Where(x => x.BulkId == running.Id && x.OperationId.CompareTo(place.After) > 0).OrderBy(x => x.OperationId).Take(AtOnce).ToListAsync(cancel);
        if (items.Count == 0)
        {
            return null;
        }

        // All their rows before the first timeline entry, as everybody does who changes several.
        var ids = items.Select(item => item.OperationId).ToArray();
        var rows = await db.Operations.FromSql($"SELECT * FROM operations WHERE org_id = (SELECT current_org()) AND id = ANY({ids}) ORDER BY id FOR UPDATE")
            .AsNoTracking().ToDictionaryAsync(row => row.Id, cancel);
        foreach (var item in items)
        {
            (item.Outcome, item.Error) = rows.GetValueOrDefault(item.OperationId) is not { } row || !args.Viewer.Sees(row) ? (BulkOutcome.Failed, "It is not here, or somebody else's.")
                : skips(row) is { } reason ? (BulkOutcome.Skipped, reason)
                : (BulkOutcome.Done, null);
        }

        int Count(BulkOutcome outcome) => items.Count(item => item.Outcome == outcome);
        var next = new Place(ids[^1], place.Done + Count(BulkOutcome.Done), place.Failed + Count(BulkOutcome.Failed), place.Skipped + Count(BulkOutcome.Skipped));
        await running.Save(db, next, cancel);
        await apply(transaction, [.. items.Where(item => item.Outcome == BulkOutcome.Done).Select(item => rows[item.OperationId])]);
        db.ChangeTracker.Clear();
        return next;
    }
}
