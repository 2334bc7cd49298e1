using Microsoft.AspNetCore.Http.HttpResults;
using Npgsql;
using OpsPlatform.ServiceDefaults.Tenancy;
using OpsPlatform.Sync.Health;

namespace OpsPlatform.Sync.Feed;

/// <summary>
/// The organisation's entries that are kept, counted when they were applied to the state of the rows; only those appended since are
/// counted now. Without holes they are head - earliest + 1.
/// </summary>
internal static class GetFeedStats
{
    private const string Sql = """
        SELECT h.position, h.earliest, s.service, s.entries, s.captured_at_last,
            greatest(coalesce(a.position, 0) - h.earliest + 1, 0)
                - (SELECT count(*) FROM feed_holes o WHERE o.org_id = $1 AND o.position >= h.earliest)
                + (SELECT count(*) FROM feed f WHERE f.org_id = $1 AND f.position > greatest(coalesce(a.position, 0), h.earliest - 1))
        FROM feed_heads h
        LEFT JOIN feed_applied a USING (org_id)
        LEFT JOIN LATERAL (
            SELECT x.service, sum(x.entries)::bigint AS entries, max(x.captured_at_last) AS captured_at_last
            FROM (
                SELECT c.service, c.entries, c.captured_at_last FROM feed_counts c WHERE c.org_id = $1
                UNION ALL
                SELECT f.service, count(*), max(f.captured_at) FROM feed f WHERE f.org_id = $1 AND f.position > coalesce(a.position, 0) GROUP BY f.service) x
            GROUP BY x.service) s ON true
        WHERE h.org_id = $1
        ORDER BY s.service
        """;

    /// <param name="Entries">Since the oldest week that is kept.</param>
    /// <param name="ChangesPerSecond">Over the last five minutes.</param>
    public sealed record ServiceStats(string Service, long Entries, DateTimeOffset CapturedAtLast, double ChangesPerSecond, double? P95Ms);

    /// <param name="Latency">From capture to feed, over the last five minutes.</param>
    public sealed record Response(
        long Head, long Earliest, long Entries, double ChangesPerSecond, GetHealth.Latency Latency, double ErrorRate, IReadOnlyList<ServiceStats> Services);

    private sealed record Counted(string Service, long Entries, DateTimeOffset CapturedAtLast);

    public static async Task<Ok<Response>> Handle(Caller caller, SyncDb db, FeedActivity activity, OrganisationSamples samples, CancellationToken cancel)
    {
        await activity.Flush(cancel);
        return TypedResults.Ok(await db.Read(
            async connection =>
            {
                var (head, entries, services) = await Count(connection, caller.Org, cancel);
                var sample = (await samples.Read(connection, [caller.Org], cancel))[caller.Org];
                var all = FeedActivity.Sum(sample.Windows);
                var seconds = HealthOptions.Window.TotalSeconds;
                return new Response(
                    head.Position, head.Earliest, entries, all.Changes / seconds, GetHealth.Latency.Of(all), JudgeOrganisation.ErrorRate(sample),
                    [.. services.Select(service => (service, window: FeedActivity.Sum(sample.Windows.Where(window => window.Service == service.Service)))).Select(x => new ServiceStats(
                        x.service.Service, x.service.Entries, x.service.CapturedAtLast, x.window.Changes / seconds, LatencyHistogram.Percentile(x.window.Latencies, 0.95)))]);
            },
            cancel));
    }

    private static async Task<(FeedHead Head, long Entries, List<Counted> Services)> Count(NpgsqlConnection connection, Guid org, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(Sql, connection) { Parameters = { new() { Value = org } } };
        await using var rows = await command.ExecuteReaderAsync(cancel);
        var (head, entries) = (FeedHead.Empty, 0L);
        var services = new List<Counted>();
        while (await rows.ReadAsync(cancel))
        {
            head = new(rows.GetInt64(0), rows.GetInt64(1));
            entries = rows.GetInt64(5);
            if (!await rows.IsDBNullAsync(2, cancel))
            {
                services.Add(new(rows.GetString(2), rows.GetInt64(3), rows.GetFieldValue<DateTimeOffset>(4)));
            }
        }

        return (head, entries, services);
    }
}
