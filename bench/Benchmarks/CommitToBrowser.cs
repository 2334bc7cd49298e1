using OpsPlatform.Bench.Frame;

namespace OpsPlatform.Bench.Benchmarks;

internal sealed class CommitToBrowser : IBenchmark
{
    private const int Rows = 200;
    private const int Subscribers = 100;
    private const int PerSecond = 1_000;
    private const int IdlePerSecond = 20;
    private const int MaxWaiting = 500;
    private const int FrameBytes = 1_000;

    public string Name => "commit-to-browser";

    public string About => "from just before COMMIT until a subscriber behind the gateway has parsed the frame";

    public async Task Run(Session session)
    {
        await using var system = await session.Boot();
        using var tenant = await Tenant.Register(system, "Browser", session.Cancel);
        await using var writer = new ChangeWriter(system);
        var rows = await writer.Ingredients(tenant.Id, Rows, session.Cancel);
        await session.Repeat(async () =>
        {
            await tenant.Refresh(session.Cancel);
            await Idle(session, system, tenant, writer, rows);
            await Busy(session, system, tenant, writer, rows);
        });
    }

    private static async Task Idle(Session session, BenchSystem system, Tenant tenant, ChangeWriter writer, Guid[] rows)
    {
        var broker = await BareBroker.OneByOne(system, FrameBytes, session.Phase(0.05), session.Cancel);
        var yarp = await BareWeb.Hello(session.Phase(0.05), session.Cancel);
        var seen = await Subscribed.Measure(session, system, [tenant], 1, writer, new(IdlePerSecond, session.Phase(0.5), MaxWaiting), i => (tenant.Id, rows[i % Rows]),
            $"{IdlePerSecond} changes a second");
        session.Record(Figure.Latency("commit to browser, idle", seen.Latency, p50Goal: 7, p99Goal: 25,
            "a COMMIT, 1 kB through a bare durable queue with confirm and a hello through YARP, one after another", Samples.Sum(seen.Commits, broker, yarp)));
    }

    private static async Task Busy(Session session, BenchSystem system, Tenant tenant, ChangeWriter writer, Guid[] rows)
    {
        var seen = await Subscribed.Measure(session, system, [tenant], Subscribers, writer, new(PerSecond, session.Phase(0.5), MaxWaiting), i => (tenant.Id, rows[i % Rows]),
            $"{PerSecond} changes a second for {Subscribers} subscribers of one organisation");
        var bare = await BarePath.Measure(system, 1, Subscribers, PerSecond, session.Phase(0.15), seen.FrameBytes, session.Cancel);
        session.Record(Figure.Latency(
            $"commit to browser, {PerSecond} changes/s for {Subscribers} subscribers", seen.Latency, p50Goal: 20, p99Goal: 60, BarePath.Told, bare));
        session.Record(Figure.Of("frames delivered", "frames/s", seen.Frames / seen.Seconds));
        session.Record(Figure.Of("frames lost", "frames", seen.Lost, Goal.AtMost(0)));
        session.Record(Figure.Of("changes not written, as the writers fell behind", "changes", seen.Unwritten, Goal.AtMost(0)));
    }
}
