using OpsPlatform.Bench.Frame;

namespace OpsPlatform.Bench.Benchmarks;

internal sealed class Growth : IBenchmark
{
    private const int Tenfold = 10;
    private const int Orders = 30_000;
    private const int QuickOrders = 1_000;
    private const int IngredientsAdded = 1_800;
    private const int RecipesAdded = 360;
    private const int OrdersPerSecond = 100;
    private const int ListsPerSecond = 20;
    private const int WaitSeconds = 10;
    private const int Organisations = 5;
    private const int ChangesPerSecond = 300;
    private const int Subscribers = 20;
    // One user may hold 100 streams at each replica of Sync.
    private const int MembersOfCrowd = 4;
    private const int CrowdPerSecond = 50;
    private const int Rows = 10;
    private const int MaxWaiting = 500;

    public string Name => "growth";

    public string About =>
        $"the same load on ten times the data ({Orders:#,0} and {Tenfold * Orders:#,0} orders, 200 and 2,000 ingredients), organisations and subscribers: what one order, one change and one delivery cost";

    /// <summary>What orders cost over the data there is.</summary>
    private sealed record Cost(double SystemMs, double Bytes, Samples Confirmed, Samples Listed);

    public async Task Run(Session session)
    {
        await using var system = await session.Boot();
        await using var writer = new ChangeWriter(system);
        var shop = await OrderShop.Open(system, session.Cancel);
        var org = shop.Tenant.Id;
        var once = session.IsQuick ? QuickOrders : Orders;
        await Seed.Orders(system, org, 0, once, session.Cancel);
        await Seed.StockLog(system, org, once, session.Cancel);
        await OrdersOver(session, system, shop, "as a warm-up");
        var little = new List<Cost>();
        await session.Repeat(async () => little.Add(await OrdersOver(session, system, shop, $"over {once:#,0} orders")));

        await Seed.Stock(system, org, IngredientsAdded, RecipesAdded, session.Cancel);
        await Seed.Orders(system, org, once, (Tenfold - 1) * once, session.Cancel);
        await Seed.StockLog(system, org, (Tenfold - 1) * once, session.Cancel);
        var tenants = await Tenant.Register(system, Tenfold * Organisations, session.Cancel);
        Tenant[] members = [tenants[0]];
        while (members.Length < MembersOfCrowd)
        {
            members = [.. members, await tenants[0].Invite(system, session.Cancel)];
        }

        var rows = new Dictionary<Guid, Guid[]>();
        foreach (var tenant in tenants)
        {
            rows[tenant.Id] = await writer.Ingredients(tenant.Id, Rows, session.Cancel);
        }

        await session.Repeat(async run =>
        {
            foreach (var tenant in tenants.Union(members).Append(shop.Tenant))
            {
                await tenant.Refresh(session.Cancel);
            }

            RecordData(session, little[run], await OrdersOver(session, system, shop, $"over {Tenfold * once:#,0} orders"));
            await MoreOrganisations(session, system, tenants, writer, rows);
            await MoreSubscribers(session, system, members, writer, rows[members[0].Id]);
        });
        foreach (var tenant in tenants.Union(members))
        {
            tenant.Dispose();
        }
    }

    private static async Task<Cost> OrdersOver(Session session, BenchSystem system, OrderShop shop, string phase)
    {
        var (confirmed, listed) = (new Samples(), new Samples());
        await shop.Tenant.Refresh(session.Cancel);
        var before = await DiskBytes(system, session.Cancel);
        var profile = await session.Watch(system, $"{OrdersPerSecond} orders a second {phase}", () => Load.Open(OrdersPerSecond, session.Phase(0.15), async due =>
        {
            await shop.Place(WaitSeconds, session.Cancel);
            confirmed.Add(due);
        }, MaxWaiting, session.Cancel), () => new("order", confirmed.Count));
        await shop.Drain(session.Cancel);
        var bytes = (await DiskBytes(system, session.Cancel) - before) / confirmed.Count;
        await Load.Open(ListsPerSecond, session.Phase(0.05), async due =>
        {
            await shop.Tenant.Get("/orders", session.Cancel);
            listed.Add(due);
        }, MaxWaiting, session.Cancel);
        return new(profile.SystemMsEach, bytes, confirmed, listed);
    }

    private static void RecordData(Session session, Cost little, Cost much)
    {
        Record(session, "data: processor of the system for an order", "ms", little.SystemMs, much.SystemMs);
        Record(session, "data: database on disk for an order", "bytes", little.Bytes, much.Bytes);
        RecordLatency(session, $"data: request to confirmed at {OrdersPerSecond}/s", little.Confirmed, much.Confirmed);
        RecordLatency(session, "data: latest orders", little.Listed, much.Listed);
    }

    private static async Task MoreOrganisations(Session session, BenchSystem system, Tenant[] tenants, ChangeWriter writer, Dictionary<Guid, Guid[]> rows)
    {
        Task<Subscribed.Seen> Over(int count) => Subscribed.Measure(
            session, system, tenants[..count], 1, writer, new(ChangesPerSecond, session.Phase(0.15), MaxWaiting),
            i => (tenants[i % count].Id, rows[tenants[i % count].Id][i / count % Rows]), $"{ChangesPerSecond} changes a second over {count} organisations");
        var (few, many) = (await Over(Organisations), await Over(Tenfold * Organisations));
        Record(session, "organisations: processor of the system for a change", "ms", few.Profile.SystemMsEach, many.Profile.SystemMsEach);
        RecordLatency(session, $"organisations: commit to browser at {ChangesPerSecond}/s in all", few.Latency, many.Latency);
    }

    private static async Task MoreSubscribers(Session session, BenchSystem system, Tenant[] members, ChangeWriter writer, Guid[] rows)
    {
        Task<Subscribed.Seen> With(int count) => Subscribed.Measure(
            session, system, members, count / MembersOfCrowd, writer, new(CrowdPerSecond, session.Phase(0.15), MaxWaiting),
            i => (members[0].Id, rows[i % Rows]), $"{CrowdPerSecond} changes a second for {count} subscribers");
        static double EachMs(Subscribed.Seen seen) => seen.Profile.SystemMsEach * seen.Profile.Done!.Count / seen.Frames;
        var (few, many) = (await With(Subscribers), await With(Tenfold * Subscribers));
        Record(session, "subscribers: processor of the system for a delivery", "ms", EachMs(few), EachMs(many));
        RecordLatency(session, $"subscribers: commit to browser at {CrowdPerSecond}/s", few.Latency, many.Latency);
    }

    /// <summary>So that the ratio tells how much a tenfold costs.</summary>
    private const string Tenth = "the same load on a tenth";

    private static void Record(Session session, string name, string unit, double once, double tenfold) =>
        session.Record(new(name, unit, [new("1×", once), new("10×", tenfold, null, once)], Tenth));

    private static void RecordLatency(Session session, string name, Samples once, Samples tenfold) => session.Record(new(name, "ms",
        [.. new[] { ("p50", 0.5), ("p99", 0.99) }.SelectMany(at => new FigureValue[] { new($"1× {at.Item1}", once.At(at.Item2)), new($"10× {at.Item1}", tenfold.At(at.Item2), null, once.At(at.Item2)) })],
        Tenth));

    private static async Task<double> DiskBytes(BenchSystem system, CancellationToken cancel)
    {
        await using var database = system.Database("postgres", 1);
        await using var read = database.CreateCommand("SELECT sum(pg_database_size(oid))::float8 FROM pg_database WHERE datname NOT LIKE 'bench%'");
        return (double)(await read.ExecuteScalarAsync(cancel))!;
    }
}
