using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;
using Npgsql;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Sync.Health;

/// <summary>How the organisation's data is: its level with the reasons, and the numbers behind it per service.</summary>
internal static class GetHealth
{
    private const string StateSql = """
        SELECT h.level, h.since, h.reasons::text, (SELECT max(asked_at) FROM sources)
        FROM (SELECT $1::uuid AS org_id) o LEFT JOIN sync_health h USING (org_id)
        """;

    private const string SourcesSql = "SELECT service, asked_at, answered_at, unanswered, auto, problem FROM sources ORDER BY service";

    /// <param name="LagMs">How long the oldest captured change has waited to be sent, when the service was last asked.</param>
    /// <param name="Auto">False while the service keeps its changes until they are asked for.</param>
    /// <param name="Unanswered">How often in a row the service did not answer the check.</param>
    public sealed record ServiceHealth(
        string Service, long LagMs, long Pending, long Failed, double ChangesPerSecond, bool Auto, DateTimeOffset? AnsweredAt, int Unanswered, string? Problem);

    /// <param name="Score">The share of rows that agree between the services' tables and the feed.</param>
    public sealed record TableHealth(string Service, string EntityType, double Score, long Rows, long Mismatching, long InFlight, long Position, DateTimeOffset CheckedAt);

    /// <summary>From capture to feed, over the last five minutes; null when nothing was appended.</summary>
    public sealed record Latency(double? P50Ms, double? P95Ms, double? P99Ms)
    {
        public static Latency Of(ActivityWindow window) => new(
            LatencyHistogram.Percentile(window.Latencies, 0.5), LatencyHistogram.Percentile(window.Latencies, 0.95), LatencyHistogram.Percentile(window.Latencies, 0.99));
    }

    /// <param name="CheckedAt">When the services were last asked; null before the first time.</param>
    /// <param name="ErrorRate">Changes set aside after all attempts, as a share of the last five minutes' changes.</param>
    public sealed record Response(
        HealthLevel Level, DateTimeOffset? Since, IReadOnlyList<string> Reasons, double Score, double ChangesPerSecond, Latency Latency, double ErrorRate, long SetAside,
        bool RealTime, DateTimeOffset? CheckedAt, IReadOnlyList<ServiceHealth> Services, IReadOnlyList<TableHealth> Tables);

    private sealed record Source(string Service, DateTimeOffset AskedAt, DateTimeOffset? AnsweredAt, int Unanswered, bool Auto, string? Problem);

    public static async Task<Ok<Response>> Handle(
        Caller caller, SyncDb db, FeedActivity activity, OrganisationSamples samples, HealthOptions options, IOptions<SyncOptions> sync, TimeProvider time, CancellationToken cancel)
    {
        await activity.Flush(cancel);
        return TypedResults.Ok(await db.Read(
            async connection =>
            {
                var sample = (await samples.Read(connection, [caller.Org], cancel))[caller.Org];
                var sources = await Sources(connection, cancel);
                return Answer(sample, await State(connection, caller.Org, cancel), sources, options, sync.Value.RealTime, time.GetUtcNow());
            },
            cancel));
    }

    private static Response Answer(
        OrganisationSample sample, (HealthLevel Level, DateTimeOffset? Since, string[] Reasons, DateTimeOffset? CheckedAt) state,
        List<Source> sources, HealthOptions options, bool realTime, DateTimeOffset now)
    {
        var all = FeedActivity.Sum(sample.Windows);
        string[] doubts =
        [
            .. sources.Where(source => source.Unanswered >= HealthOptions.UnansweredForWarning)
                .Select(source => $"{source.Service} has not answered the last {source.Unanswered} checks: {source.Problem}"),
            .. state.CheckedAt < now - (options.CheckInterval * HealthOptions.UnansweredForWarning) - TimeSpan.FromSeconds(30)
                ? (string[])[$"Nothing was checked since {state.CheckedAt:u}."] : [],
        ];
        var notes = sources.Where(source => !source.Auto).Select(source => $"{source.Service} keeps its changes until POST /{source.Service}/changes/send (SYNC_AUTO=off).");
        var perSecond = HealthOptions.Window.TotalSeconds;
        return new(
            doubts.Length > 0 && state.Level == HealthLevel.Normal ? HealthLevel.Warning : state.Level,
            state.Since, [.. state.Reasons, .. doubts, .. notes], JudgeOrganisation.Score(sample), all.Changes / perSecond,
            Latency.Of(all),
            JudgeOrganisation.ErrorRate(sample), JudgeOrganisation.SetAside(sample), realTime, state.CheckedAt,
            [.. sources.Select(source => (source, backlog: sample.Backlogs.FirstOrDefault(backlog => backlog.Service == source.Service))).Select(x => new ServiceHealth(
                x.source.Service, x.backlog?.OldestWaitsMs ?? 0, x.backlog?.Pending ?? 0, x.backlog?.Failed ?? 0,
                sample.Windows.Where(window => window.Service == x.source.Service).Sum(window => window.Changes) / perSecond,
                x.source.Auto, x.source.AnsweredAt, x.source.Unanswered, x.source.Problem))],
            [.. sample.Tables.Select(table => new TableHealth(
                table.Service, table.EntityType, table.Score, table.SourceRows, table.Mismatching, table.InFlight, table.Position, table.CheckedAt))]);
    }

    private static async Task<(HealthLevel Level, DateTimeOffset? Since, string[] Reasons, DateTimeOffset? CheckedAt)> State(
        NpgsqlConnection connection, Guid org, CancellationToken cancel)
    {
        await using var read = new NpgsqlCommand(StateSql, connection) { Parameters = { new() { Value = org } } };
        await using var row = await read.ExecuteReaderAsync(cancel);
        await row.ReadAsync(cancel);
        return (
            row.IsDBNull(0) ? HealthLevel.Normal : ChangeLevel.Parse(row.GetString(0)),
            row.IsDBNull(1) ? null : row.GetFieldValue<DateTimeOffset>(1),
            row.IsDBNull(2) ? [] : System.Text.Json.JsonSerializer.Deserialize<string[]>(row.GetString(2))!,
            row.IsDBNull(3) ? null : row.GetFieldValue<DateTimeOffset>(3));
    }

    private static async Task<List<Source>> Sources(NpgsqlConnection connection, CancellationToken cancel)
    {
        await using var read = new NpgsqlCommand(SourcesSql, connection);
        await using var row = await read.ExecuteReaderAsync(cancel);
        List<Source> found = [];
        while (await row.ReadAsync(cancel))
        {
            found.Add(new(
                row.GetString(0), row.GetFieldValue<DateTimeOffset>(1), row.IsDBNull(2) ? null : row.GetFieldValue<DateTimeOffset>(2),
                row.GetInt32(3), row.GetBoolean(4), row.IsDBNull(5) ? null : row.GetString(5)));
        }

        return found;
    }
}
