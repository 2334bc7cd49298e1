using System.Diagnostics;
using OpsPlatform.Bench.Frame;

namespace OpsPlatform.Bench.Benchmarks;

internal sealed class OperationsBenchmark : IBenchmark
{
    private const int Organisations = 10;
    private const int OperationsEach = 100;
    private const int ReportsPerSecond = 10;
    private const int WatchedByEach = 2;
    private const double GoalMs = 250;
    private const double GoalWrites = 1;
    private const double GoalCancelMs = 2_000;
    private const int CancelsPerSecond = 50;
    private const int Stored = 1_000_000;
    private const int QuickStored = 50_000;
    private const int Types = 20;
    private const int Tags = 100;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>A backend may keep its counts of rows to itself for so long.</summary>
    private static readonly TimeSpan CountsAreTold = TimeSpan.FromSeconds(2);

    public string Name => "operations";

    public string About =>
        $"{Organisations * OperationsEach:#,0} operations at once that report {ReportsPerSecond} times a second, half as many browsers that watch two each; lists over {Stored:#,0} operations";

    public async Task Run(Session session)
    {
        await using var system = await session.Boot();
        var tenants = await Tenant.Register(system, Organisations, session.Cancel);
        await Seed(system, tenants[0].Id, session.IsQuick ? QuickStored : Stored, session.Cancel);
        await using var operations = system.Database("operations", 8, "operations_app");
        await session.Repeat(async () =>
        {
            foreach (var tenant in tenants)
            {
                await tenant.Refresh(session.Cancel);
            }

            await Watched(session, system, tenants);
            await Lists(session, system, tenants[0], operations);
        });
        foreach (var tenant in tenants)
        {
            tenant.Dispose();
        }
    }

    private static async Task Watched(Session session, BenchSystem system, Tenant[] tenants)
    {
        (Tenant Tenant, Guid Id)[] all = [.. tenants.SelectMany(tenant => Enumerable.Range(0, OperationsEach).Select(_ => (tenant, Guid.NewGuid())))];
        var (warmUp, duration, cancelling) = (session.Phase(0.1), session.Phase(0.5), session.Phase(0.2));
        var marks = new Marks((int)((warmUp + duration + cancelling).TotalSeconds * ReportsPerSecond + 2) * all.Length);
        // What a browser watches is told of in any of the messages.
        await using var worker = await ReportingWorker.Start(system, all.OrderBy(_ => Random.Shared.Next()).Select(operation => (operation.Tenant.Id, operation.Id)), session.Cancel);
        var browsers = all.Chunk(WatchedByEach).ToArray();
        var readers = new OperationReader[browsers.Length];
        await Parallel.ForAsync(0, browsers.Length, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = session.Cancel }, async (i, stop) =>
            readers[i] = await OperationReader.Open(browsers[i][0].Tenant.Client, [.. browsers[i].Select(one => one.Id)], marks, all.Length, stop));
        await worker.Report(marks, warmUp, session.Cancel);
        var before = await RowsWritten(system, session.Cancel);
        Array.ForEach(readers, reader => reader.Forget());
        var (started, statesBefore) = (Stopwatch.GetTimestamp(), readers.Sum(reader => reader.States));
        var sent = 0L;
        await session.Watch(
            system, $"{all.Length * ReportsPerSecond:#,0} reports a second", async () => sent = await worker.Report(marks, duration, session.Cancel), () => new("report", sent));
        var (seconds, states) = (Stopwatch.GetElapsedTime(started).TotalSeconds, readers.Sum(reader => reader.States) - statesBefore);
        var written = await RowsWritten(system, session.Cancel) - before;
        var latency = await Latency(readers, sent, session.Cancel);
        var unseen = sent - latency.Count;
        Array.ForEach(readers, reader => reader.Forget());
        var reporting = worker.Report(marks, cancelling, session.Cancel);
        await Task.WhenAll(reporting, Cancel(all, worker, cancelling, session.Cancel));
        var whileCancelling = await Latency(readers, await reporting, session.Cancel);
        unseen += await reporting - whileCancelling.Count;
        await worker.End(session.Cancel);
        await Until(() => readers.All(reader => reader.HasEnded), session.Cancel);
        var notEnded = all.Length - readers.Sum(reader => reader.Ended);
        Array.ForEach(readers, reader => reader.Dispose());
        var limit = Samples.Sum(
            await BareBroker.OneByOne(system, worker.MessageBytes, session.Phase(0.05), session.Cancel), await BareWeb.Hello(session.Phase(0.05), session.Cancel));
        session.Record(Figure.Latency("report to browser", latency, p99Goal: GoalMs, limitName: "a message of a hundred reports through a bare durable queue and a hello through YARP", limit: limit));
        session.Record(Figure.Latency($"report to browser while {CancelsPerSecond} a second are cancelled", whileCancelling));
        session.Record(Figure.Latency("cancel to worker", worker.CancelLatency, p99Goal: GoalCancelMs));
        session.Record(Figure.Of("reports sent", "reports/s", sent / seconds));
        session.Record(Figure.Of("reports not seen", "reports", unseen, Goal.AtMost(0)));
        session.Record(Figure.Of("states seen", "states/s", states / seconds));
        session.Record(Figure.Of("writes of one operation", "writes/s", written / seconds / all.Length, Goal.AtMost(GoalWrites)));
        session.Record(Figure.Of("final states not seen", "operations", notEnded, Goal.AtMost(0)));
    }

    /// <summary>Of so many reports, once all were seen or the patience is over.</summary>
    private static async Task<Samples> Latency(OperationReader[] readers, long sent, CancellationToken cancel)
    {
        await Until(() => readers.Sum(reader => (long)reader.Latency.Count) >= sent, cancel);
        var latency = new Samples();
        foreach (var reader in readers)
        {
            latency.Add(reader.Latency);
        }

        return latency;
    }

    private static async Task Until(Func<bool> holds, CancellationToken cancel)
    {
        for (var since = Stopwatch.GetTimestamp(); !holds() && Stopwatch.GetElapsedTime(since) < Patience;)
        {
            await Task.Delay(50, cancel);
        }
    }

    private static async Task Cancel((Tenant Tenant, Guid Id)[] all, ReportingWorker worker, TimeSpan duration, CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1.0 / CancelsPerSecond));
        List<Task> asked = [];
        foreach (var (tenant, id) in all.Take((int)(duration.TotalSeconds * CancelsPerSecond)))
        {
            await timer.WaitForNextTickAsync(cancel);
            worker.AwaitCancel(id);
            asked.Add(tenant.Post($"/operations/{id}/cancel", new { }, cancel));
        }

        await Task.WhenAll(asked);
    }

    private static async Task Lists(Session session, BenchSystem system, Tenant tenant, Npgsql.NpgsqlDataSource database)
    {
        var yarp = await BareWeb.Hello(session.Phase(0.05), session.Cancel);
        Task One(string name, Func<string> path, string condition) => Reads.Measure(
            session, system, tenant, name, path, yarp, database, $"SELECT * FROM operations WHERE org_id = (SELECT current_org()) AND {condition} ORDER BY queued_at DESC, id DESC LIMIT 51");
        await One("latest operations", () => "/operations?limit=50", "true");
        await One("operations that failed", () => "/operations?status=failed", "status = 'failed'");
        await One("operations of one type", () => $"/operations?operationType=bench.type{Random.Shared.Next(Types)}", "operation_type = 'bench.type7'");
        await One("operations with a tag", () => $"/operations?tag=tag{Random.Shared.Next(Tags)}",
            "id IN (SELECT operation_id FROM operation_tags WHERE org_id = (SELECT current_org()) AND tag = 'tag7' ORDER BY queued_at DESC LIMIT 51)");
    }

    private static async Task<long> RowsWritten(BenchSystem system, CancellationToken cancel)
    {
        await Task.Delay(CountsAreTold, cancel);
        await using var database = system.Database("operations", 1);
        await using var read = database.CreateCommand("SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'operations'");
        return (long)(await read.ExecuteScalarAsync(cancel))!;
    }

    /// <summary>Ended ones, ten seconds apart. Their triggers tell of moves, and these made none.</summary>
    private static async Task Seed(BenchSystem system, Guid org, int count, CancellationToken cancel)
    {
        await using var database = system.Database("operations", 1);
        await using var connection = await database.OpenConnectionAsync(cancel);
        await using var seed = new Npgsql.NpgsqlCommand(
            $$"""
            SET session_replication_role = replica;
            INSERT INTO operations (org_id, id, operation_type, service, display_name, user_id, status, progress_percentage, current_step, total_steps, steps, tags,
              attempt, max_attempts, sequence, queued_at, started_at, completed_at, cause_since)
            SELECT '{{org}}', gen_random_uuid(), 'bench.type' || i % {{Types}}, 'bench', 'Operation ' || i, 'user' || i % 50, CASE WHEN i % 20 = 0 THEN 'failed' ELSE 'completed' END,
              100, 1, 1, '[{"name": "Working", "weight": 1}]', ARRAY['tag' || i % {{Tags}}], 1, 1, 1, at, at, at + interval '5 s', at + interval '5 s'
            FROM generate_series(1, {{count}}) AS i CROSS JOIN LATERAL (SELECT now() - i * interval '10 s' AS at) AS t;
            INSERT INTO operation_tags (org_id, tag, queued_at, operation_id) SELECT org_id, tags[1], queued_at, id FROM operations WHERE org_id = '{{org}}';
            RESET session_replication_role;
            ANALYZE operations, operation_tags;
            """,
            connection)
        { CommandTimeout = 600 };
        await seed.ExecuteNonQueryAsync(cancel);
    }
}
