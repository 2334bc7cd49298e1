using System.Runtime.InteropServices;
using Npgsql;
using NpgsqlTypes;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.Sync.Health;

/// <summary>What was appended in a stretch of time, by all replicas.</summary>
/// <param name="Latencies">From capture to append, in the ranges of <see cref="LatencyHistogram"/>.</param>
internal sealed record ActivityWindow(Guid? Org, string Service, long Changes, IReadOnlyList<long> Latencies);

/// <summary>
/// Counts what this replica appends, in memory, and adds it to the table every few seconds when there was anything. Windows are read
/// from the table, where the replicas' counts add up.
/// </summary>
internal sealed partial class FeedActivity(
    [FromKeyedServices("relay")] NpgsqlDataSource relay, ServiceDatabase database, TimeProvider time, ILogger<FeedActivity> log) : BackgroundService
{
    private static readonly TimeSpan FlushInterval = TimeSpan.FromSeconds(5);

    private const string AddSql = """
        INSERT INTO feed_activity (org_id, service, until, changes, latencies)
        SELECT u.org_id, u.service, $1, u.changes, u.latencies::int[] FROM unnest($2::uuid[], $3::text[], $4::bigint[], $5::text[]) u (org_id, service, changes, latencies)
        """;

    private static readonly string Columns =
        $"sum(changes)::bigint, ARRAY[{string.Join(", ", Enumerable.Range(1, LatencyHistogram.Ranges).Select(range => $"sum(latencies[{range}])::bigint"))}]";

    private readonly Lock _lock = new();
    private Dictionary<(Guid Org, string Service), int[]> _counts = [];

    /// <summary>Call after the commit of an append.</summary>
    /// <param name="noteOrganisation">Told whose the changes are.</param>
    public void Note(string service, IEnumerable<CapturedChange> appended, Action<Guid> noteOrganisation)
    {
        var now = time.GetUtcNow();
        var last = Guid.Empty;
        lock (_lock)
        {
            foreach (var change in appended)
            {
                ref var counts = ref CollectionsMarshal.GetValueRefOrAddDefault(_counts, (change.OrgId, service), out _);
                counts ??= new int[LatencyHistogram.Ranges];
                if (change.OrgId != last)
                {
                    noteOrganisation(last = change.OrgId);
                }

                counts[LatencyHistogram.RangeOf((now - change.CapturedAt).TotalMilliseconds)]++;
            }
        }
    }

    /// <summary>Adds this replica's counts to the table; an idle one does nothing.</summary>
    public async Task Flush(CancellationToken cancel)
    {
        Dictionary<(Guid Org, string Service), int[]> counts;
        lock (_lock)
        {
            if (_counts.Count == 0)
            {
                return;
            }

            (counts, _counts) = (_counts, []);
        }

        await using var add = relay.CreateCommand(AddSql);
        add.Parameters.Add(new() { Value = time.GetUtcNow() });
        add.Parameters.Add(new() { Value = counts.Keys.Select(key => key.Org).ToArray() });
        add.Parameters.Add(new() { Value = counts.Keys.Select(key => key.Service).ToArray() });
        add.Parameters.Add(new() { Value = counts.Values.Select(count => count.Sum(x => (long)x)).ToArray() });
        add.Parameters.Add(new() { Value = counts.Values.Select(count => $"{{{string.Join(',', count)}}}").ToArray() });
        await add.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>Every organisation's activity, per service.</summary>
    public async Task<List<ActivityWindow>> Read(NpgsqlConnection connection, TimeSpan window, Guid[]? orgs, CancellationToken cancel)
    {
        await using var read = new NpgsqlCommand(
            $"SELECT org_id, service, {Columns} FROM feed_activity WHERE until > $1 AND ($2::uuid[] IS NULL OR org_id = ANY ($2)) GROUP BY org_id, service ORDER BY service",
            connection)
        {
            Parameters =
            {
                new() { Value = time.GetUtcNow() - window },
                new() { Value = (object?)orgs ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid },
            },
        };
        await using var row = await read.ExecuteReaderAsync(cancel);
        List<ActivityWindow> found = [];
        while (await row.ReadAsync(cancel))
        {
            found.Add(new(row.GetGuid(0), row.GetString(1), row.GetInt64(2), row.GetFieldValue<long[]>(3)));
        }

        return found;
    }

    /// <summary>Several services' or organisations' activity as one.</summary>
    public static ActivityWindow Sum(IEnumerable<ActivityWindow> windows) => windows.Aggregate(
        new ActivityWindow(null, "", 0, new long[LatencyHistogram.Ranges]),
        (sum, window) => new(null, "", sum.Changes + window.Changes, [.. sum.Latencies.Zip(window.Latencies, (a, b) => a + b)]));

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(FlushInterval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await Flush(stoppingToken);
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                NotCounted(exception);
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "The activity of some seconds is missing from the metrics")]
    private partial void NotCounted(Exception exception);
}
