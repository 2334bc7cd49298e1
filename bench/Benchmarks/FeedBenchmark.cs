using System.Diagnostics;
using Npgsql;
using OpsPlatform.Bench.Frame;

namespace OpsPlatform.Bench.Benchmarks;

internal sealed class FeedBenchmark : IBenchmark
{
    private const int Writers = 8;
    private const int RowsEach = 25;
    private const int BulkRows = 100_000;
    private const int QuickBulkRows = 10_000;
    private const int BatchOfRelay = 500;
    private const int BulkGoal = 15_000;
    // A little more than the goal is offered, so that a feed that keeps up shows it.
    private const int SustainedRows = 1_600;
    private const int SustainedPerSecond = 10;
    private const int SustainedSets = 8;
    private const double LookSeconds = 2;
    private static readonly TimeSpan LagAt = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    public string Name => "feed";

    public string About => "captured changes from commit to the feed's table, against what the same writers commit with nobody relaying";

    /// <summary>What came of writing for a phase.</summary>
    /// <param name="LagAtTen">Changes committed and not on the feed, on average of the two seconds before 10 s.</param>
    private sealed record Outcome(double CommittedPerSecond, double ReachedPerSecond, double LagAtTen, double LagAtEnd, double DrainSeconds);

    public async Task Run(Session session)
    {
        await using var system = await session.Boot();
        using var tenant = await Tenant.Register(system, "Feed", session.Cancel);
        await using var writer = new ChangeWriter(system);
        await using var feed = new FeedTable(system, tenant.Id);
        await using var inventory = system.Database("inventory", Writers + 2, "inventory_app");
        var shadow = await Shadow.Create(system, "bench_feed", session.Cancel);
        await shadow.Copy("inventory", session.Cancel);
        await using var alone = shadow.Database(Writers, "inventory_app");
        var rows = await writer.Ingredients(tenant.Id, Writers * RowsEach, session.Cancel);
        var manyRows = await writer.Ingredients(tenant.Id, SustainedSets * SustainedRows, session.Cancel);
        var shadowRows = await Fill(alone, tenant.Id, Writers * RowsEach, session.Cancel);
        await Update(alone, tenant.Id, shadowRows, session.Phase(0.05), () => { }, session.Cancel);
        await session.Repeat(async () =>
        {
            await feed.Settled(session.Cancel);
            var limit = await Update(alone, tenant.Id, shadowRows, session.Phase(0.25), () => { }, session.Cancel);
            var oneByOne = await Meanwhile(session, system, feed, "one-row transactions", session.Phase(), committed =>
                Update(inventory, tenant.Id, rows, session.Phase(), () =>
                {
                    committed(1);
                    writer.TryWake();
                }, session.Cancel));
            session.Record(Figure.Of("one-row changes on the feed", "changes/s", oneByOne.ReachedPerSecond, null,
                new("commits of the same writers with nobody relaying", limit), Goal.AtLeast(0.85)));
            Record(session, "one-row", oneByOne);
            await Bulk(session, system, feed, inventory, writer, tenant.Id);
            var sustained = await Meanwhile(session, system, feed, "bulk, sustained", session.Phase(), committed =>
                Sustain(session, inventory, writer, tenant.Id, manyRows, committed));
            session.Record(Figure.Of("bulk changes on the feed, sustained", "changes/s", sustained.ReachedPerSecond, Goal.AtLeast(BulkGoal)));
            Record(session, "bulk, sustained", sustained);
        });
    }

    private static void Record(Session session, string name, Outcome outcome)
    {
        session.Record(Figure.Of($"{name}: changes committed meanwhile", "changes/s", outcome.CommittedPerSecond));
        session.Record(Figure.Of($"{name}: changes behind after 10 s", "changes", outcome.LagAtTen));
        session.Record(Figure.Of($"{name}: changes behind at the end", "changes", outcome.LagAtEnd));
        session.Record(Figure.Of($"{name}: further behind at the end than after 10 s", "changes", outcome.LagAtEnd - outcome.LagAtTen, Goal.AtMost(0)));
        session.Record(Figure.Of($"{name}: until the feed had them", "s", outcome.DrainSeconds));
    }

    /// <summary>Follows the feed while somebody writes.</summary>
    /// <param name="write">Tells each time how many changes it committed.</param>
    private static async Task<Outcome> Meanwhile(
        Session session, BenchSystem system, FeedTable feed, string phase, TimeSpan duration, Func<Action<int>, Task> write)
    {
        var before = await feed.Position(session.Cancel);
        long committed = 0, reached = 0;
        var seconds = 0.0;
        var behind = new List<(double Seconds, long Changes)>();
        var drain = Task.FromResult(TimeSpan.Zero);
        await session.Watch(system, phase, async () =>
        {
            var started = Stopwatch.GetTimestamp();
            var writing = write(count => Interlocked.Add(ref committed, count));
            while (!writing.IsCompleted)
            {
                behind.Add((Stopwatch.GetElapsedTime(started).TotalSeconds, Interlocked.Read(ref committed) - (await feed.Position(session.Cancel) - before)));
                await Task.Delay(Look, session.Cancel);
            }

            await writing;
            reached = await feed.Position(session.Cancel) - before;
            seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
            drain = Drained();
        }, () => new("change", reached));
        var early = Math.Min(LagAt.TotalSeconds, duration.TotalSeconds / 2);
        return new(committed / seconds, reached / seconds, Behind(early), Behind(duration.TotalSeconds), (await drain).TotalSeconds);

        // Groups make it rise and fall; one look would tell which it was.
        double Behind(double until) => behind.Where(look => look.Seconds > until - LookSeconds && look.Seconds <= until).Select(look => (double)look.Changes).DefaultIfEmpty().Average();

        async Task<TimeSpan> Drained()
        {
            var since = Stopwatch.GetTimestamp();
            await feed.Until(before + committed, session.Cancel);
            return Stopwatch.GetElapsedTime(since);
        }
    }

    private static async Task Bulk(Session session, BenchSystem system, FeedTable feed, NpgsqlDataSource inventory, ChangeWriter writer, Guid org)
    {
        var count = session.IsQuick ? QuickBulkRows : BulkRows;
        var before = await feed.Position(session.Cancel);
        var took = TimeSpan.Zero;
        await session.Watch(system, "bulk, one transaction", async () =>
        {
            await using var connection = await inventory.OpenConnectionAsync(session.Cancel);
            await using var transaction = await connection.BeginTransactionAsync(session.Cancel);
            await using var insert = new NpgsqlBatch(connection, transaction) { BatchCommands = { Caller(org), Insert(count) }, Timeout = 600 };
            await insert.ExecuteNonQueryAsync(session.Cancel);
            var committing = Stopwatch.GetTimestamp();
            await transaction.CommitAsync(session.Cancel);
            writer.TryWake();
            await feed.Until(before + count, session.Cancel);
            took = Stopwatch.GetElapsedTime(committing);
        }, () => new("change", count));
        var bytes = BatchOfRelay * await feed.ChangeBytes(session.Cancel);
        var broker = BatchOfRelay * await BareBroker.Rate(system, bytes, session.Phase(0.1), session.Cancel);
        session.Record(Figure.Of("bulk changes on the feed, one transaction", "changes/s", count / took.TotalSeconds, Goal.AtLeast(BulkGoal),
            new($"the same bytes, {BatchOfRelay} changes a message, through a bare durable queue with confirms", broker)));
    }

    /// <summary>A transaction of many rows ten times a second, whether or not the earlier ones are on the feed.</summary>
    private static async Task Sustain(Session session, NpgsqlDataSource inventory, ChangeWriter writer, Guid org, Guid[] rows, Action<int> committed)
    {
        var turn = 0;
        await Load.Open(SustainedPerSecond, session.Phase(), async _ =>
        {
            var set = Interlocked.Increment(ref turn) % SustainedSets;
            await using var connection = await inventory.OpenConnectionAsync(session.Cancel);
            await using var batch = new NpgsqlBatch(connection)
            {
                BatchCommands =
                {
                    Caller(org),
                    new("UPDATE ingredients SET usage_rate = usage_rate + 1 WHERE id = ANY($1)") { Parameters = { new() { Value = rows[(set * SustainedRows)..((set + 1) * SustainedRows)] } } },
                },
            };
            await batch.ExecuteNonQueryAsync(session.Cancel);
            committed(SustainedRows);
            writer.TryWake();
        }, SustainedSets, session.Cancel);
    }

    private static async Task<double> Update(NpgsqlDataSource database, Guid org, Guid[] rows, TimeSpan duration, Action committed, CancellationToken cancel)
    {
        var turns = new int[Writers];
        var started = Stopwatch.GetTimestamp();
        var commits = await Load.Closed(Writers, duration, async client =>
        {
            await using var connection = await database.OpenConnectionAsync(cancel);
            await using var batch = new NpgsqlBatch(connection)
            {
                BatchCommands =
                {
                    Caller(org),
                    new("UPDATE ingredients SET usage_rate = usage_rate + 1 WHERE id = $1") { Parameters = { new() { Value = rows[(client * RowsEach) + (turns[client]++ % RowsEach)] } } },
                },
            };
            await batch.ExecuteNonQueryAsync(cancel);
            committed();
        }, cancel);
        return commits / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static async Task<Guid[]> Fill(NpgsqlDataSource database, Guid org, int count, CancellationToken cancel)
    {
        await using var connection = await database.OpenConnectionAsync(cancel);
        await using (var batch = new NpgsqlBatch(connection) { BatchCommands = { Caller(org), Insert(count) } })
        {
            await batch.ExecuteNonQueryAsync(cancel);
        }

        await using var read = new NpgsqlBatch(connection) { BatchCommands = { Caller(org), new("SELECT id FROM ingredients") } };
        await using var reader = await read.ExecuteReaderAsync(cancel);
        await reader.NextResultAsync(cancel);
        List<Guid> ids = [];
        while (await reader.ReadAsync(cancel))
        {
            ids.Add(reader.GetGuid(0));
        }

        return [.. ids];
    }

    private static NpgsqlBatchCommand Caller(Guid org) =>
        new("SELECT set_config('app.org_id', $1, true)") { Parameters = { new() { Value = org.ToString() } } };

    private static NpgsqlBatchCommand Insert(int count) => new("""
        INSERT INTO ingredients (id, code, name, category, kind, unit, stock, reorder_point, usage_rate, unit_cost_minor)
        SELECT gen_random_uuid(), gen_random_uuid(), 'bulk', 'bench', 'ingredient', 'g', 1000, 0, 0, 1 FROM generate_series(1, $1)
        """) { Parameters = { new() { Value = count } } };
}
