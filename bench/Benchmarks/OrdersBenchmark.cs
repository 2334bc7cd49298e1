using System.Diagnostics;
using System.Net;
using OpsPlatform.Bench.Frame;

namespace OpsPlatform.Bench.Benchmarks;

internal sealed class OrdersBenchmark : IBenchmark
{
    private const int Callers = 64;
    private const int SampledOrders = 200;
    private const int WaitSeconds = 10;
    private const int OpenPerSecond = 300;
    private const int MaxWaiting = 3_000;
    private const int MessageBytes = 1_000;

    public string Name => "orders";

    public string About =>
        "one organisation, every order on the same 4 of 200 ingredients; POST /orders with confirm, an idempotency key each, "
        + "authentication, telemetry and rate limits on as delivered (2,000/s an organisation at each of two gateways)";

    public async Task Run(Session session)
    {
        await using var system = await session.Boot();
        var shop = await OrderShop.Open(system, session.Cancel);
        RawOrders? raw = null;
        await session.Repeat(async () =>
        {
            await shop.Tenant.Refresh(session.Cancel);
            await Load.Closed(Callers, session.Phase(1.0 / 3), _ => shop.Place(null, session.Cancel), session.Cancel);
            await shop.Drain(session.Cancel);
            raw ??= await RawOrders.Read(system, await RawOrders.Tables(system, "bench_orders", session.Cancel),
                $"WHERE status = 'confirmed' ORDER BY id LIMIT {SampledOrders}", session.Cancel);
            await Saturate(session, system, shop, raw);
            await Steady(session, system, shop, await Chain(session, system, raw));
        });
        await shop.Account(session.Cancel);
    }

    private static async Task Saturate(Session session, BenchSystem system, OrderShop shop, RawOrders raw)
    {
        shop.Answers.Clear();
        var (before, _) = await shop.Count(session.Cancel);
        double perSecond = 0, accepted = 0;
        long undecided = 0, confirmed = 0;
        await session.Watch(system, "placing as fast as 64 callers can", async () =>
        {
            var started = Stopwatch.GetTimestamp();
            await Load.Closed(Callers, session.Phase(), _ => shop.Place(null, session.Cancel), session.Cancel);
            (var after, undecided) = await shop.Count(session.Cancel);
            var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
            confirmed = after - before;
            perSecond = confirmed / seconds;
            accepted = shop.Answers.GetValueOrDefault(HttpStatusCode.Accepted) / seconds;
        }, () => new("order", confirmed));
        var drained = await shop.Drain(session.Cancel);
        Console.WriteLine($"    answers: {shop.Answered()}");
        var limit = await raw.Rate(session.Phase(1.0 / 6), session.Cancel);
        session.Record(Figure.Of("orders placed and confirmed", "orders/s", perSecond, Goal.AtLeast(700, aim: 1_200),
            new("the same rows of orders, order_lines and stock_log by 8 raw connections, a commit an order", limit), Goal.AtLeast(0.18, aim: 0.3)));
        session.Record(Figure.Of("orders accepted", "orders/s", accepted));
        session.Record(Figure.Of("undecided when the callers stopped", "orders", undecided));
        session.Record(Figure.Of("until those were decided", "s", drained.TotalSeconds));
    }

    private static async Task Steady(Session session, BenchSystem system, OrderShop shop, Samples chain)
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
        }, () => new("order", latency.Count));
        Console.WriteLine($"    answers: {shop.Answered()}");
        session.Record(Figure.Latency($"request to confirmed at {OpenPerSecond}/s", latency, p50Goal: 40, p99Goal: 150,
            "a hello through YARP, three raw commits (the order, the decision, the order's new state) and two messages through a bare durable queue, one after another", chain));
        session.Record(Figure.Of($"without a confirmation at {OpenPerSecond}/s", "orders", unconfirmed, Goal.AtMost(0)));
        await shop.Drain(session.Cancel);
    }

    /// <summary>Each step alone on an idle machine, added up: what no order can be confirmed without.</summary>
    private static async Task<Samples> Chain(Session session, BenchSystem system, RawOrders raw)
    {
        var hello = await BareWeb.Hello(session.Phase(0.05), session.Cancel);
        var hop = await BareBroker.OneByOne(system, MessageBytes, session.Phase(0.05), session.Cancel);
        var (place, decide, confirm) = await raw.Steps(session.Phase(0.1), session.Cancel);
        return Samples.Sum(hello, place, hop, decide, hop, confirm);
    }
}
