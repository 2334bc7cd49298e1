using OpsPlatform.Sync.Consistency;

namespace OpsPlatform.Sync.Health;

/// <summary>A measured value and what it is judged to be.</summary>
internal sealed record Reading(string Type, string Name, double Value, string Unit, HealthLevel Status, string? Reason = null, object? Metadata = null);

/// <summary>One organisation's table in the last comparison.</summary>
internal sealed record TableState(
    string Service, string EntityType, string Table, long SourceRows, long FeedRows, decimal SourceVersions, decimal FeedVersions, decimal SourceHash, decimal FeedHash,
    long Mismatching, long InFlight, long Position, DateTimeOffset CheckedAt, IReadOnlyList<string> MismatchingIds)
{
    public double Score => Comparison.ScoreOf(Mismatching, Math.Max(SourceRows, FeedRows));
}

internal sealed record BacklogState(string Service, long Pending, long OldestWaitsMs, long Failed);

/// <summary>All that is known of an organisation at one check.</summary>
internal sealed record OrganisationSample(
    IReadOnlyList<TableState> Tables, IReadOnlyList<BacklogState> Backlogs, IReadOnlyList<ActivityWindow> Windows, long Parked, long Holes);

/// <summary>Turns what was measured into readings with their levels; no I/O.</summary>
internal static class JudgeOrganisation
{
    public static double Score(OrganisationSample sample) => Comparison.ScoreOf(
        sample.Tables.Sum(table => table.Mismatching), sample.Tables.Sum(table => Math.Max(table.SourceRows, table.FeedRows)));

    public static long SetAside(OrganisationSample sample) => sample.Parked + sample.Backlogs.Sum(backlog => backlog.Failed);

    public static double ErrorRate(OrganisationSample sample)
    {
        var setAside = SetAside(sample);
        return setAside == 0 ? 0 : (double)setAside / (setAside + sample.Windows.Sum(window => window.Changes));
    }

    public static HealthLevel Worst(IEnumerable<Reading> readings) => readings.Select(reading => reading.Status).DefaultIfEmpty(HealthLevel.Normal).Max();

    public static List<Reading> Judge(OrganisationSample sample)
    {
        List<Reading> readings = [.. sample.Tables.Select(Table)];
        var score = Score(sample);
        readings.Add(new("data_consistency", "score", score, "ratio", LevelOf(score)));
        if (sample.Holes > 0)
        {
            readings.Add(new("data_consistency", "feed_holes", sample.Holes, "positions", HealthLevel.Critical, $"{sample.Holes} positions of the feed have no entry."));
        }

        readings.AddRange(sample.Backlogs.Select(Lag));
        var all = FeedActivity.Sum(sample.Windows);
        readings.AddRange(sample.Windows.Select(window => new Reading(
            "throughput", $"{window.Service}.changes_per_second", window.Changes / HealthOptions.Window.TotalSeconds, "1/s", HealthLevel.Normal)));
        readings.Add(new("throughput", "changes_per_second", all.Changes / HealthOptions.Window.TotalSeconds, "1/s", HealthLevel.Normal));
        readings.AddRange(Latencies(all));
        var setAside = SetAside(sample);
        var errorRate = ErrorRate(sample);
        readings.Add(new(
            "errors", "error_rate", errorRate, "ratio",
            setAside == 0 ? HealthLevel.Normal : errorRate >= HealthOptions.CriticalErrorRate && setAside > 1 ? HealthLevel.Critical : HealthLevel.Warning,
            setAside == 0 ? null : $"{setAside} changes were set aside after all attempts; see /{{service}}/errors.",
            new { setAside, parked = sample.Parked }));
        return readings;
    }

    private static Reading Table(TableState table) => new(
        "data_consistency", $"{table.Service}.{table.EntityType}", table.Score, "ratio", LevelOf(table.Score),
        table.Mismatching == 0 ? null : $"{table.Mismatching} of {Math.Max(table.SourceRows, table.FeedRows)} rows of {table.Service}.{table.Table} differ from the feed, such as {string.Join(", ", table.MismatchingIds.Take(3))}; POST /sync/resync repairs them.",
        new
        {
            table = table.Table,
            source = new { rows = table.SourceRows, versions = table.SourceVersions, hash = table.SourceHash },
            feed = new { rows = table.FeedRows, versions = table.FeedVersions, hash = table.FeedHash },
            position = table.Position,
            inFlight = table.InFlight,
            mismatching = table.Mismatching,
            mismatchingIds = table.MismatchingIds,
            checkedAt = table.CheckedAt,
        });

    private static Reading Lag(BacklogState backlog)
    {
        var lag = TimeSpan.FromMilliseconds(backlog.OldestWaitsMs);
        var level = lag >= HealthOptions.CriticalLag ? HealthLevel.Critical : lag >= HealthOptions.WarningLag ? HealthLevel.Warning : HealthLevel.Normal;
        return new(
            "latency", $"{backlog.Service}.lag_ms", backlog.OldestWaitsMs, "ms", level,
            level == HealthLevel.Normal ? null : $"The oldest of {backlog.Pending} changes of {backlog.Service} has waited {lag.TotalSeconds:0} s; at most {HealthOptions.WarningLag.TotalSeconds:0} s is normal.",
            new { pending = backlog.Pending });
    }

    private static IEnumerable<Reading> Latencies(ActivityWindow all)
    {
        foreach (var (name, share) in (IEnumerable<(string, double)>)[("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99)])
        {
            if (LatencyHistogram.Percentile(all.Latencies, share) is not { } ms)
            {
                continue;
            }

            var level = name != "p95_ms" || all.Changes < HealthOptions.FewestChangesToJudge ? HealthLevel.Normal
                : ms >= HealthOptions.CriticalLatency.TotalMilliseconds ? HealthLevel.Critical
                : ms >= HealthOptions.WarningLatency.TotalMilliseconds ? HealthLevel.Warning : HealthLevel.Normal;
            yield return new(
                "latency", name, ms, "ms", level,
                level == HealthLevel.Normal ? null : $"95 % of changes took up to {ms:0} ms from capture to feed; at most {HealthOptions.WarningLatency.TotalMilliseconds:0} ms is normal.");
        }
    }

    private static HealthLevel LevelOf(double score) =>
        score >= 1 ? HealthLevel.Normal : score >= HealthOptions.CriticalScore ? HealthLevel.Warning : HealthLevel.Critical;
}
