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
    private const string BulkMarker = "bulk";
    private static readonly TimeSpan LagAt = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    public string Name => "feed";

    public string About => "captured changes from commit to the feed's table, against what the same writers commit with nobody relaying";

    public async Task Run(Session session)
    {
        await using var system = await session.Boot();
        using var tenant = await Tenant.Register(system, "Feed", session.Cancel);
        await using var writer = new ChangeWriter(system);
        await using var feed = system.Database("sync", 1);
        await using var inventory = system.Database("inventory", Writers + 2, "inventory_app");
        var shadow = await Shadow.Create(system, "bench_feed", session.Cancel);
        await shadow.Copy("inventory", session.Cancel);
        await using var alone = shadow.Database(Writers, "inventory_app");
        var rows = await writer.Ingredients(tenant.Id, Writers * RowsEach, session.Cancel);
        var shadowRows = await Seed(alone, tenant.Id, Writers * RowsEach, session.Cancel);
        await Update(alone, tenant.Id, shadowRows, session.Phase(0.05), () => { }, session.Cancel);
        await session.Repeat(async () =>
        {
            await Settled(feed, tenant.Id, session.Cancel);
            var limit = await Update(alone, tenant.Id, shadowRows, session.Phase(0.25), () => { }, session.Cancel);
            await OneByOne(session, system, feed, inventory, writer, tenant.Id, rows, limit);
            await Bulk(session, system, feed, inventory, writer, tenant.Id);
        });
    }

    private static async Task OneByOne(
        Session session, BenchSystem system, NpgsqlDataSource feed, NpgsqlDataSource inventory, ChangeWriter writer, Guid org, Guid[] rows, double limit)
    {
        var before = await Position(feed, org, session.Cancel);
        var phase = session.Phase(0.5);
        long commits = 0, lagAtTen = 0, reached = 0;
        double committed = 0;
        await session.Watch(system, "one-row transactions", async () =>
        {
            var early = Task.Run(async () =>
            {
                await Task.Delay(phase < LagAt ? phase / 2 : LagAt, session.Cancel);
                lagAtTen = Interlocked.Read(ref commits) - (await Position(feed, org, session.Cancel) - before);
            });
            committed = await Update(inventory, org, rows, phase, () =>
            {
                Interlocked.Increment(ref commits);
                writer.TryWake();
            }, session.Cancel);
            reached = await Position(feed, org, session.Cancel) - before;
            await early;
        });
        var seconds = commits / committed;
        var drained = Stopwatch.GetTimestamp();
        await Until(feed, org, before + commits, session.Cancel);
        session.Record(Figure.Of("one-row changes on the feed", "changes/s", reached / seconds, null,
            new("commits of the same writers with nobody relaying", limit)));
        session.Record(Figure.Of("commits meanwhile", "commits/s", committed));
        session.Record(Figure.Of("changes behind after 10 s", "changes", lagAtTen));
        session.Record(Figure.Of("changes behind at the end", "changes", commits - reached));
        session.Record(Figure.Of("until the feed had them", "s", Stopwatch.GetElapsedTime(drained).TotalSeconds));
    }

    private static async Task Bulk(Session session, BenchSystem system, NpgsqlDataSource feed, NpgsqlDataSource inventory, ChangeWriter writer, Guid org)
    {
        var count = session.IsQuick ? QuickBulkRows : BulkRows;
        var before = await Position(feed, org, session.Cancel);
        var took = TimeSpan.Zero;
        await session.Watch(system, "bulk", async () =>
        {
            await using var connection = await inventory.OpenConnectionAsync(session.Cancel);
            await using var transaction = await connection.BeginTransactionAsync(session.Cancel);
            await using var insert = new NpgsqlBatch(connection, transaction) { BatchCommands = { Caller(org), Insert(count) }, Timeout = 600 };
            await insert.ExecuteNonQueryAsync(session.Cancel);
            var committing = Stopwatch.GetTimestamp();
            await transaction.CommitAsync(session.Cancel);
            writer.TryWake();
            await Until(feed, org, before + count, session.Cancel);
            took = Stopwatch.GetElapsedTime(committing);
        });
        var bytes = BatchOfRelay * await FrameBytes(feed, org, session.Cancel);
        var broker = BatchOfRelay * await BareBroker.Rate(system, bytes, session.Phase(0.1), session.Cancel);
        session.Record(Figure.Of("bulk changes on the feed", "changes/s", count / took.TotalSeconds, null,
            new($"the same bytes, {BatchOfRelay} changes a message, through a bare durable queue with confirms", broker)));
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

    private static async Task<Guid[]> Seed(NpgsqlDataSource database, Guid org, int count, CancellationToken cancel)
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

    private static NpgsqlBatchCommand Insert(int count) => new($"""
        INSERT INTO ingredients (id, code, name, category, kind, unit, stock, reorder_point, usage_rate, unit_cost_minor)
        SELECT gen_random_uuid(), gen_random_uuid(), '{BulkMarker}', 'bench', 'ingredient', 'g', 1000, 0, 0, 1 FROM generate_series(1, $1)
        """) { Parameters = { new() { Value = count } } };

    private static async Task<long> Position(NpgsqlDataSource feed, Guid org, CancellationToken cancel)
    {
        await using var read = feed.CreateCommand("SELECT position FROM feed_heads WHERE org_id = $1");
        read.Parameters.Add(new() { Value = org });
        return await read.ExecuteScalarAsync(cancel) as long? ?? 0;
    }

    private static async Task<int> FrameBytes(NpgsqlDataSource feed, Guid org, CancellationToken cancel)
    {
        // Names, ids and times of a change besides are about so many bytes.
        const int Envelope = 300;
        await using var read = feed.CreateCommand("""
            SELECT avg(octet_length(data::text) + octet_length(changed::text) + octet_length(metadata::text))::int
            FROM (SELECT * FROM feed WHERE org_id = $1 ORDER BY position DESC LIMIT 500) f
            """);
        read.Parameters.Add(new() { Value = org });
        return Envelope + (int)(await read.ExecuteScalarAsync(cancel))!;
    }

    private static async Task Until(NpgsqlDataSource feed, Guid org, long position, CancellationToken cancel)
    {
        var since = Stopwatch.GetTimestamp();
        while (await Position(feed, org, cancel) is var reached && reached < position)
        {
            if (Stopwatch.GetElapsedTime(since) > Patience)
            {
                throw new InvalidOperationException($"The feed stands at {reached} of {position} after {Patience}.");
            }

            await Task.Delay(10, cancel);
        }
    }

    /// <summary>Waits until nothing more comes of what was written before.</summary>
    private static async Task Settled(NpgsqlDataSource feed, Guid org, CancellationToken cancel)
    {
        long before;
        do
        {
            before = await Position(feed, org, cancel);
            await Task.Delay(TimeSpan.FromSeconds(1), cancel);
        }
        while (await Position(feed, org, cancel) != before || before == 0);
    }
}
