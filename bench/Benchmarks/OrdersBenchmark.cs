using System.Diagnostics;
using System.Net;
using Npgsql;
using OpsPlatform.Bench.Frame;

namespace OpsPlatform.Bench.Benchmarks;

internal sealed class OrdersBenchmark : IBenchmark
{
    private const int Callers = 64;
    private const int RawConnections = 8;
    private const int SampledOrders = 200;
    private const int WaitSeconds = 10;
    private const int OpenPerSecond = 300;
    private const int MaxWaiting = 3_000;

    public string Name => "orders";

    public string About =>
        "one organisation, every order on the same 4 of 200 ingredients; POST /orders with confirm, an idempotency key each, "
        + "authentication, telemetry and rate limits on as delivered (2,000/s an organisation at each of two gateways)";

    public async Task Run(Session session)
    {
        await using var system = await session.Boot();
        var shop = await OrderShop.Open(system, session.Cancel);
        Shadow? shadow = null;
        await session.Repeat(async () =>
        {
            await shop.Tenant.Refresh(session.Cancel);
            await Load.Closed(Callers, session.Phase(1.0 / 3), _ => shop.Place(null, session.Cancel), session.Cancel);
            await shop.Drain(session.Cancel);
            shadow ??= await LimitDatabase(system, session.Cancel);
            await Saturate(session, system, shop, shadow);
            await Steady(session, system, shop);
        });
        await shop.Account(session.Cancel);
    }

    private static async Task Saturate(Session session, BenchSystem system, OrderShop shop, Shadow shadow)
    {
        shop.Answers.Clear();
        var (before, _) = await shop.Count(session.Cancel);
        double perSecond = 0, accepted = 0;
        long undecided = 0;
        await session.Watch(system, "placing as fast as 64 callers can", async () =>
        {
            var started = Stopwatch.GetTimestamp();
            await Load.Closed(Callers, session.Phase(), _ => shop.Place(null, session.Cancel), session.Cancel);
            (var after, undecided) = await shop.Count(session.Cancel);
            var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
            perSecond = (after - before) / seconds;
            accepted = shop.Answers.GetValueOrDefault(HttpStatusCode.Accepted) / seconds;
        });
        var drained = await shop.Drain(session.Cancel);
        Console.WriteLine($"    answers: {shop.Answered()}");
        var raw = await RawInserts(system, shadow, session.Phase(1.0 / 6), session.Cancel);
        session.Record(Figure.Of("orders placed and confirmed", "orders/s", perSecond, Goal.AtLeast(700),
            new("the same rows of orders, order_lines and stock_log by 8 raw connections, a commit an order", raw), Goal.AtLeast(0.18)));
        session.Record(Figure.Of("orders accepted", "orders/s", accepted));
        session.Record(Figure.Of("undecided when the callers stopped", "orders", undecided));
        session.Record(Figure.Of("until those were decided", "s", drained.TotalSeconds));
    }

    private static async Task Steady(Session session, BenchSystem system, OrderShop shop)
    {
        shop.Answers.Clear();
        var latency = new Samples();
        long unconfirmed = 0;
        await session.Watch(system, $"{OpenPerSecond} orders a second", async () =>
        {
            var unsent = await Load.Open(OpenPerSecond, session.Phase(0.5), async due =>
            {
                if (await shop.Place(WaitSeconds, session.Cancel) != HttpStatusCode.OK)
                {
                    Interlocked.Increment(ref unconfirmed);
                }

                latency.Add(due);
            }, MaxWaiting, session.Cancel);
            unconfirmed += unsent;
        });
        Console.WriteLine($"    answers: {shop.Answered()}");
        session.Record(Figure.Latency($"request to confirmed at {OpenPerSecond}/s", latency, p50Goal: 40, p99Goal: 150));
        session.Record(Figure.Of($"without a confirmation at {OpenPerSecond}/s", "orders", unconfirmed, Goal.AtMost(0)));
        await shop.Drain(session.Cancel);
    }

    /// <summary>The three tables with their keys, checks and indexes side by side, so that one commit stores one order.</summary>
    private static async Task<Shadow> LimitDatabase(BenchSystem system, CancellationToken cancel)
    {
        var shadow = await Shadow.Create(system, "bench_orders", cancel);
        await shadow.Copy("orders", cancel);
        await shadow.Copy("inventory", cancel, "stock_log");
        await shadow.DropTriggers(cancel, "orders", "order_lines", "stock_log");
        return shadow;
    }

    private static async Task<double> RawInserts(BenchSystem system, Shadow shadow, TimeSpan duration, CancellationToken cancel)
    {
        await using var ordersDb = system.Database("orders", 1);
        await using var inventoryDb = system.Database("inventory", 1);
        var orders = await RawRows.Read(ordersDb, "orders", $"WHERE status = 'confirmed' ORDER BY id LIMIT {SampledOrders}", null, cancel);
        var chosen = $"(SELECT id FROM orders WHERE status = 'confirmed' ORDER BY id LIMIT {SampledOrders})";
        var lines = await RawRows.Read(ordersDb, "order_lines", $"WHERE order_id IN {chosen}", null, cancel);
        var ids = string.Join(", ", orders.Rows.Select(row => $"'{row[orders.IndexOf("id")]}'"));
        var log = await RawRows.Read(inventoryDb, "stock_log", $"WHERE reference_id IN ({ids})", "seq", cancel);
        var linesOf = lines.Rows.ToLookup(row => (Guid)row[lines.IndexOf("order_id")]);
        var logOf = log.Rows.ToLookup(row => (Guid)row[log.IndexOf("reference_id")]);

        await using var target = shadow.Database(RawConnections);
        var started = Stopwatch.GetTimestamp();
        var connections = new NpgsqlConnection[RawConnections];
        for (var i = 0; i < RawConnections; i++)
        {
            connections[i] = await target.OpenConnectionAsync(cancel);
        }

        var next = 0;
        var inserted = await Load.Closed(RawConnections, duration, async connection =>
        {
            var row = orders.Rows[Interlocked.Increment(ref next) % orders.Rows.Count];
            var before = (Guid)row[orders.IndexOf("id")];
            var id = Guid.CreateVersion7();
            object Renamed(string column, object value) => column switch
            {
                "id" or "order_id" or "reference_id" when value.Equals(before) => id,
                "id" => Guid.CreateVersion7(),
                _ => value,
            };
            await using var batch = new NpgsqlBatch(connections[connection])
            {
                BatchCommands = { orders.Insert([row], Renamed), lines.Insert([.. linesOf[before]], Renamed), log.Insert([.. logOf[before]], Renamed) },
            };
            await batch.ExecuteNonQueryAsync(cancel);
        }, cancel);
        foreach (var connection in connections)
        {
            await connection.DisposeAsync();
        }

        return inserted / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }
}
