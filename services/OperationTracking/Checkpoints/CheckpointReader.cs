using Microsoft.EntityFrameworkCore;
using OpsPlatform.OperationTracking.Timeline;

namespace OpsPlatform.OperationTracking.Checkpoints;

/// <summary>Goes through an organisation's checkpoints beside its timeline, and verifies each.</summary>
internal sealed class CheckpointReader(OperationsDb db, CheckpointKeys keys, Guid org)
{
    private const int PageSize = 1_000;
    private readonly Queue<TimelineCheckpoint> _ahead = new();
    private long _read;
    private bool _isAtEnd;

    /// <summary>How many were found good so far.</summary>
    public long Good { get; private set; }

    /// <summary>The last one that was found good.</summary>
    public Checkpoint? Latest { get; private set; }

    /// <param name="position">Higher each time, by one.</param>
    /// <param name="hash">The entry's there.</param>
    /// <returns>What is wrong there, as <see cref="AuditTimeline.Fault"/> names it; null for nothing.</returns>
    public async Task<string?> FaultAt(long position, byte[] hash, CancellationToken cancel)
    {
        if (await Peek(cancel) is not { } next || next.Position > position)
        {
            return null;
        }

        _ahead.Dequeue();
        if (Verified(next) is not { } checkpoint)
        {
            return "checkpoint";
        }

        if (checkpoint.Hash != Convert.ToHexStringLower(hash))
        {
            return "rewritten";
        }

        Good++;
        Latest = checkpoint;
        return null;
    }

    /// <summary>A good checkpoint behind the last entry says that there were more.</summary>
    public async Task<AuditTimeline.Fault?> FaultBehind(long last, CancellationToken cancel) =>
        await Peek(cancel) is not { } next ? null
        : Verified(next) is null ? new(next.Position, "checkpoint")
        : new(last + 1, "missing");

    private Checkpoint? Verified(TimelineCheckpoint kept) =>
        keys.Verify(kept.Jws) is { } checkpoint && (checkpoint.Org, checkpoint.Position) == (org, kept.Position) ? checkpoint : null;

    private async Task<TimelineCheckpoint?> Peek(CancellationToken cancel)
    {
        if (_ahead.Count == 0 && !_isAtEnd)
        {
            var page = await db.TimelineCheckpoints.AsNoTracking().Where(x => x.Position > _read).OrderBy(x => x.Position).Take(PageSize).ToListAsync(cancel);
            page.ForEach(_ahead.Enqueue);
            _read = page is [.., var last] ? last.Position : _read;
            _isAtEnd = page.Count < PageSize;
        }

        return _ahead.TryPeek(out var next) ? next : null;
    }
}
