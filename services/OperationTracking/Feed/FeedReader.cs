using System.Threading.Channels;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.OperationTracking.Reports;
using OpsPlatform.OperationTracking.Statistics;

namespace OpsPlatform.OperationTracking.Feed;

/// <summary>Operations as they stand at a position of their organisation's timeline, or later.</summary>
/// <param name="IsOutOfReach">More happened than is told one by one: the reader has to begin anew.</param>
internal sealed record FeedBatch(long Position, IReadOnlyList<(Operation Row, OperationView View)> Operations, bool IsOutOfReach = false);

/// <summary>Which operations a reader wants, of those it may see.</summary>
internal sealed record FeedFilter(Viewer Viewer, string? Tag, string? OperationType)
{
    public IEnumerable<OperationView> Of(FeedBatch batch) => batch.Operations.Where(x => Wants(x.Row)).Select(x => x.View);

    private bool Wants(Operation row) =>
        Viewer.Sees(row) && (OperationType is null || row.OperationType == OperationType) && (Tag is null || row.Tags.Contains(Tag));
}

/// <summary>Reads what an organisation's feed tells. What changes a state is in the timeline; progress is told as it comes and not kept.</summary>
internal sealed class FeedReader(OperationsDb db, LatestReports latest, History history, TimeProvider time)
{
    /// <summary>Operations in a batch; who is further behind begins anew.</summary>
    public const int Most = 500;

    /// <summary>What is under way, the latest first.</summary>
    public async Task<FeedBatch> Open(CancellationToken cancel)
    {
        var position = await Head(cancel);
        var rows = await db.Operations.AsNoTracking().Where(x => x.CompletedAt == null).OrderByDescending(x => x.QueuedAt).Take(Most).ToListAsync(cancel);
        return new(position, await Views(rows, cancel));
    }

    /// <summary>What changed its state after a position, and of what made progress those named.</summary>
    public async Task<FeedBatch> After(long position, IReadOnlySet<Guid> progressed, CancellationToken cancel)
    {
        var head = await Head(cancel);
        // A position of another history of the organisation, as after a restore.
        if (position > head)
        {
            return new(head, [], IsOutOfReach: true);
        }

        var entries = await db.Timeline.AsNoTracking().Where(x => x.Position > position && x.Position <= head)
            .OrderBy(x => x.Position).Select(x => x.OperationId).Take(Most + 1).ToListAsync(cancel);
        if (entries.Count > Most)
        {
            return new(head, [], IsOutOfReach: true);
        }

        Guid[] ids = [.. entries.Concat(progressed.Take(Most)).Distinct()];
        return new(head, ids.Length == 0 ? [] : await Views(await db.Operations.AsNoTracking().Where(x => ids.Contains(x.Id)).ToListAsync(cancel), cancel));
    }

    public async Task<long> Head(CancellationToken cancel) => await db.TimelineHeads.AsNoTracking().Select(x => (long?)x.Position).SingleOrDefaultAsync(cancel) ?? 0;

    private async Task<IReadOnlyList<(Operation, OperationView)>> Views(IReadOnlyList<Operation> rows, CancellationToken cancel)
    {
        foreach (var type in rows.Where(row => !row.IsOver).Select(row => (row.OrgId, row.OperationType)).Distinct())
        {
            await history.Load(type.OrgId, type.OperationType, cancel);
        }

        var now = time.GetUtcNow();
        return [.. rows.Select(row => (row, OperationView.Of(row, latest.Of(row.OrgId, row.Id), history, now)))];
    }
}

/// <summary>What one reader has not taken yet.</summary>
internal sealed class FeedSubscription(Action<FeedSubscription> leave) : IDisposable
{
    private const int MostWaiting = 100;
    private readonly Channel<FeedBatch> _batches = Channel.CreateBounded<FeedBatch>(new BoundedChannelOptions(MostWaiting) { SingleReader = true });

    public ChannelReader<FeedBatch> Batches => _batches.Reader;

    /// <summary>A reader that does not keep up is ended, and begins anew from what it has.</summary>
    public void Give(FeedBatch batch)
    {
        if (!_batches.Writer.TryWrite(batch))
        {
            _batches.Writer.TryComplete();
        }
    }

    public void Dispose() => leave(this);
}
