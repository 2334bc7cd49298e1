using Npgsql;

namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>
/// Where the pending changes begin. What was sent leaves dead entries at the index's left end until the next vacuum, and a look from its very
/// start would walk over all of them each time. A change's number is drawn by a transaction that has written already: once all
/// that were under way after a number was read have ended, no number up to it can appear any more.
/// </summary>
internal sealed class PendingStart(NpgsqlConnection session, TimeProvider time)
{
    private const string DrawnSql = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM sync_events_seq";

    private const string LookSql = """
        SELECT pg_snapshot_xmin(seen), pg_snapshot_xmax(seen), (SELECT min(seq) FROM sync_events WHERE sync_status = 'pending')
        FROM pg_current_snapshot() seen
        """;

    /// <summary>What an operator asks to be tried again may lie before it, and waits so long for the next look.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    private long _seq;
    private (long Drawn, ulong Under)? _mark;
    private long _lookedAt;

    /// <returns>No pending change has a smaller number, but for one that is to be tried again.</returns>
    public async ValueTask<long> Get(CancellationToken cancel)
    {
        if (_lookedAt == 0 || time.GetElapsedTime(_lookedAt) > Interval)
        {
            await Look(cancel);
            _lookedAt = time.GetTimestamp();
        }

        return _seq;
    }

    /// <summary>Something was found that may lie before it.</summary>
    public void LookAgain() => _lookedAt = 0;

    private async Task Look(CancellationToken cancel)
    {
        // Each statement has a snapshot of its own, the second a later one.
        await using var batch = new NpgsqlBatch(session) { BatchCommands = { new(DrawnSql), new(LookSql) } };
        await using var row = await batch.ExecuteReaderAsync(cancel);
        await row.ReadAsync(cancel);
        var drawn = row.GetInt64(0);
        await row.NextResultAsync(cancel);
        await row.ReadAsync(cancel);
        var (oldest, next) = (row.GetFieldValue<ulong>(0), row.GetFieldValue<ulong>(1));
        var pending = row.IsDBNull(2) ? long.MaxValue : row.GetInt64(2);

        var reached = _seq;
        if (_mark is { } mark && oldest >= mark.Under)
        {
            reached = mark.Drawn + 1;
            _mark = null;
        }

        _mark ??= (drawn, next);
        _seq = Math.Min(reached, pending);
    }
}
