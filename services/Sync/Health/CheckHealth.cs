using System.Diagnostics;
using Npgsql;
using OpsPlatform.ServiceDefaults.Consistency;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.Sync.Consistency;

namespace OpsPlatform.Sync.Health;

/// <summary>
/// Every check: ask the services, bring the state of the rows up to the feed, compare what changed, judge who is concerned, record. One
/// replica does it, the one whose connection holds the advisory lock; another takes over when that connection ends.
/// </summary>
internal sealed partial class CheckHealth(
    AskSources ask, ApplyFeed apply, FeedActivity activity, CompareTables compare, JudgeHealth judge, MetricsTable metrics, ForgetHealth forget,
    [FromKeyedServices("relay")] NpgsqlDataSource relay, ServiceDatabase database, HealthOptions options, TimeProvider time, ILogger<CheckHealth> log) : BackgroundService
{
    private static readonly TimeSpan ForgetInterval = TimeSpan.FromHours(1);

    private NpgsqlConnection? _lock;
    private DateTimeOffset _checkedAt;
    private DateTimeOffset _forgotAt;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(options.CheckInterval, time);
        try
        {
            do
            {
                try
                {
                    if (await IsMine(stoppingToken))
                    {
                        await Run(stoppingToken);
                    }
                }
                catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
                {
                    NotChecked(exception);
                }
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        finally
        {
            await Release();
        }
    }

    private async Task Run(CancellationToken cancel)
    {
        var started = Stopwatch.GetTimestamp();
        var at = time.GetUtcNow();
        await activity.Flush(cancel);
        var states = await ask.Run(cancel);
        await apply.All(cancel);
        var compared = await compare.Run(states, cancel);
        var levels = await judge.Run(_checkedAt, cancel);
        // Not before: who was active before a check that failed is judged by the next one.
        _checkedAt = at;
        await RecordPlatform(states, compared, levels, Stopwatch.GetElapsedTime(started), cancel);
        if (time.GetUtcNow() - _forgotAt > ForgetInterval)
        {
            _forgotAt = time.GetUtcNow();
            await forget.Run(cancel);
        }
    }

    private async Task RecordPlatform(
        IReadOnlyList<ChangeState> states, int compared, IReadOnlyDictionary<HealthLevel, int> levels, TimeSpan took, CancellationToken cancel)
    {
        await using var connection = await relay.OpenConnectionAsync(cancel);
        var all = FeedActivity.Sum(await activity.Read(connection, HealthOptions.Window, null, cancel));
        List<Reading> readings =
        [
            new("throughput", "changes_per_second", all.Changes / HealthOptions.Window.TotalSeconds, "1/s", HealthLevel.Normal),
            new("sync_health", "check_ms", took.TotalMilliseconds, "ms", HealthLevel.Normal, Metadata: new { tablesCompared = compared }),
            new("sync_health", "organisations_not_normal", levels.Where(level => level.Key != HealthLevel.Normal).Sum(level => level.Value), "organisations",
                levels.Keys.DefaultIfEmpty(HealthLevel.Normal).Max(), Metadata: new { warning = levels.GetValueOrDefault(HealthLevel.Warning), critical = levels.GetValueOrDefault(HealthLevel.Critical) }),
            new("errors", "set_aside", states.Sum(state => state.Backlogs.Sum(backlog => backlog.Failed)), "changes", HealthLevel.Normal),
            .. states.Select(state => new Reading("latency", $"{state.Service}.lag_ms", state.Backlogs.Select(backlog => backlog.OldestWaitsMs).DefaultIfEmpty(0).Max(), "ms", HealthLevel.Normal)),
        ];
        foreach (var (name, share) in (IEnumerable<(string, double)>)[("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99)])
        {
            if (LatencyHistogram.Percentile(all.Latencies, share) is { } ms)
            {
                readings.Add(new("latency", name, ms, "ms", HealthLevel.Normal));
            }
        }

        await metrics.Record([.. readings.Select(reading => ((Guid?)null, reading))], time.GetUtcNow(), cancel);
    }

    private async Task<bool> IsMine(CancellationToken cancel)
    {
        if (_lock is not null)
        {
            try
            {
                await using var alive = new NpgsqlCommand("SELECT 1", _lock);
                await alive.ExecuteScalarAsync(cancel);
                return true;
            }
            catch (NpgsqlException)
            {
                await Release();
            }
        }

        var connection = await relay.OpenConnectionAsync(cancel);
        await using var take = new NpgsqlCommand("SELECT pg_try_advisory_lock(hashtext('opsplatform sync health'), 0)", connection);
        if (await take.ExecuteScalarAsync(cancel) is true)
        {
            _lock = connection;
            return true;
        }

        await connection.DisposeAsync();
        return false;
    }

    private async Task Release()
    {
        if (_lock is { } connection)
        {
            _lock = null;
            await using (connection)
            await using (var release = new NpgsqlCommand("SELECT pg_advisory_unlock_all()", connection))
            {
                try
                {
                    await release.ExecuteNonQueryAsync(CancellationToken.None);
                }
                catch (Exception fault) when (fault is NpgsqlException or InvalidOperationException)
                {
                    // It is gone, and the lock with it.
                }
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "Sync health was not checked, trying again at the next interval")]
    private partial void NotChecked(Exception exception);
}
