using System.Diagnostics;
using Microsoft.Extensions.Options;
using Npgsql;
using OpsPlatform.ServiceDefaults.Consistency;

namespace OpsPlatform.Sync.Consistency;

/// <summary>
/// Compares every tracked table of every service, all organisations at once, when something was written on either side since the last
/// time, when rows were in flight then, or when the last time is long ago. Keeps its own share of the processor small: each table
/// rests by itself, longer the longer its comparison took and the more often it failed.
/// </summary>
internal sealed partial class CompareTables(
    Sources sources, FeedRows feed, ApplyFeed apply, CompareRows rows, ComparisonTable store,
    [FromKeyedServices("relay")] NpgsqlDataSource relay, IOptions<SyncOptions> options, TimeProvider time, ILogger<CompareTables> log)
{
    private static readonly TimeSpan Forced = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan FirstBackOff = TimeSpan.FromSeconds(30);

    private readonly Dictionary<(string Service, string EntityType), Last> _last = [];

    private readonly record struct Last(long SourceWrites, long FeedWrites, DateTimeOffset At, DateTimeOffset RestsUntil, bool Unsettled, int Failures);

    /// <returns>How many tables were compared.</returns>
    public async Task<int> Run(IEnumerable<ChangeState> states, CancellationToken cancel)
    {
        var compared = 0;
        foreach (var state in states)
        {
            foreach (var table in state.Tables)
            {
                var feedWrites = await feed.Writes(cancel);
                if (!IsDue(state.Service, table, feedWrites))
                {
                    continue;
                }

                var started = Stopwatch.GetTimestamp();
                try
                {
                    await Run(state.Service, table, feedWrites, cancel);
                    compared++;
                }
                catch (Exception exception) when (!cancel.IsCancellationRequested)
                {
                    // The service left, or a database, or the digest takes longer than it may: the lag of the check tells.
                    NotCompared(exception, state.Service, table.Table);
                    BackOff((state.Service, table.EntityType), Stopwatch.GetElapsedTime(started));
                }
            }
        }

        return compared;
    }

    private bool IsDue(string service, TrackedTable table, long feedWrites)
    {
        if (!_last.TryGetValue((service, table.EntityType), out var last))
        {
            return true;
        }

        var since = time.GetUtcNow() - last.At;
        return time.GetUtcNow() >= last.RestsUntil
            && (last.Unsettled || table.Writes != last.SourceWrites || feedWrites != last.FeedWrites || since >= Forced);
    }

    private async Task Run(string service, TrackedTable table, long feedWrites, CancellationToken cancel)
    {
        var started = Stopwatch.GetTimestamp();
        var theirs = await sources.Organisations(service, table.EntityType, cancel);
        await apply.All(cancel);
        var positions = await Positions(cancel);
        var ours = await feed.Organisations(service, table.EntityType, cancel);
        List<Comparison> results = [];
        foreach (var org in theirs.Keys.Union(ours.Keys))
        {
            var key = new TableKey(org, service, table.EntityType);
            var nothing = new RowDigest(org.ToString(), 0, 0, 0);
            var (source, mine) = (theirs.GetValueOrDefault(org) ?? nothing, ours.GetValueOrDefault(org) ?? nothing);
            results.Add(source == mine
                ? Comparison.Equal(key, table.Table, source, mine, positions.GetValueOrDefault(org))
                : await rows.Compare(key, table.Table, source.Rows, cancel));
        }

        // Waiting for queues costs nothing.
        var took = Stopwatch.GetElapsedTime(started) - results.Aggregate(TimeSpan.Zero, (sum, result) => sum + result.Waited);
        await store.Save(results, cancel);
        await store.Compared(service, table.EntityType, took, cancel);
        var now = time.GetUtcNow();
        _last[(service, table.EntityType)] = new(table.Writes, feedWrites, now, now + Rest(took), results.Any(result => result.InFlight > 0), 0);
    }

    private void BackOff((string Service, string EntityType) table, TimeSpan took)
    {
        var last = _last.GetValueOrDefault(table);
        var backOff = FirstBackOff * Math.Pow(2, last.Failures);
        var rest = Rest(took);
        _last[table] = last with
        {
            RestsUntil = time.GetUtcNow() + (backOff > rest ? backOff : rest),
            Unsettled = true,
            // No further than the time after which every table is compared anyway.
            Failures = backOff * 2 > Forced ? last.Failures : last.Failures + 1,
        };
    }

    private TimeSpan Rest(TimeSpan took) => TimeSpan.FromSeconds(Math.Min(took.TotalSeconds * options.Value.ComparisonRest, Forced.TotalSeconds));

    private async Task<Dictionary<Guid, long>> Positions(CancellationToken cancel)
    {
        await using var read = relay.CreateCommand("SELECT org_id, position FROM feed_applied");
        await using var row = await read.ExecuteReaderAsync(cancel);
        var positions = new Dictionary<Guid, long>();
        while (await row.ReadAsync(cancel))
        {
            positions[row.GetGuid(0)] = row.GetInt64(1);
        }

        return positions;
    }

    [LoggerMessage(LogLevel.Warning, "Table {Table} of {Service} was not compared")]
    private partial void NotCompared(Exception exception, string service, string table);
}
