using OpsPlatform.Bench.Frame;

namespace OpsPlatform.Bench.Benchmarks;

internal sealed class FanOut : IBenchmark
{
    private const int Organisations = 50;
    private const int SubscribersEach = 10;
    private const int PerSecond = 1_000;
    private const int Rows = 10;
    private const int Crowd = 500;
    // One user may hold 100 streams at each replica of Sync.
    private const int MembersOfCrowd = 10;
    private const int CrowdPerSecond = 20;
    private const double GoalMs = 100;
    private const int MaxWaiting = 500;

    public string Name => "fan-out";

    public string About => "many organisations with some subscribers each, and one with many";

    public async Task Run(Session session)
    {
        await using var system = await session.Boot();
        await using var writer = new ChangeWriter(system);
        var tenants = await Tenant.Register(system, Organisations, session.Cancel);
        var rowsOf = new Guid[Organisations][];
        for (var i = 0; i < Organisations; i++)
        {
            rowsOf[i] = await writer.Ingredients(tenants[i].Id, Rows, session.Cancel);
        }

        Tenant[] members = [tenants[0]];
        while (members.Length < MembersOfCrowd)
        {
            members = [.. members, await tenants[0].Invite(system, session.Cancel)];
        }

        await session.Repeat(async () =>
        {
            foreach (var tenant in tenants.Union(members))
            {
                await tenant.Refresh(session.Cancel);
            }

            var many = await Subscribed.Measure(session, system, tenants, SubscribersEach, writer, new(PerSecond, session.Phase(0.5), MaxWaiting),
                i => (tenants[i % Organisations].Id, rowsOf[i % Organisations][i / Organisations % Rows]),
                $"{PerSecond} changes a second over {Organisations} organisations with {SubscribersEach} subscribers each");
            var bareMany = await BarePath.Measure(system, Organisations, SubscribersEach, PerSecond, session.Phase(0.15), many.FrameBytes, session.Cancel);
            Record(session, $"{Organisations} organisations × {SubscribersEach} subscribers, {PerSecond} changes/s in all", many, bareMany, GoalMs);
            var crowd = await Subscribed.Measure(session, system, members, Crowd / MembersOfCrowd, writer, new(CrowdPerSecond, session.Phase(0.5), MaxWaiting),
                i => (tenants[0].Id, rowsOf[0][i % Rows]), $"{CrowdPerSecond} changes a second for {Crowd} subscribers of one organisation");
            var bareCrowd = await BarePath.Measure(system, 1, Crowd, CrowdPerSecond, session.Phase(0.15), crowd.FrameBytes, session.Cancel);
            Record(session, $"one organisation × {Crowd} subscribers, {CrowdPerSecond} changes/s", crowd, bareCrowd, null);
        });
        foreach (var tenant in tenants.Union(members))
        {
            tenant.Dispose();
        }
    }

    private static void Record(Session session, string name, Subscribed.Seen seen, Samples bare, double? goalMs)
    {
        session.Record(Figure.Latency($"commit to browser, {name}", seen.Latency, p99Goal: goalMs, limitName: BarePath.Told, limit: bare));
        session.Record(Figure.Of($"frames delivered: {name}", "frames/s", seen.Frames / seen.Seconds));
        session.Record(Figure.Of($"frames lost: {name}", "frames", seen.Lost, Goal.AtMost(0)));
        session.Record(Figure.Of($"changes not written: {name}", "changes", seen.Unwritten, Goal.AtMost(0)));
    }
}
