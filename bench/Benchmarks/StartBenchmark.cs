using System.Globalization;
using OpsPlatform.Bench.Frame;

namespace OpsPlatform.Bench.Benchmarks;

internal sealed class StartBenchmark : IBenchmark
{
    private const double BytesPerKilobyte = 1_024;
    private const double GoalMegabytes = 1_536;
    private const double SettledAfter = 3;

    public string Name => "start";

    public string About => "from nothing, with new databases, until every resource is healthy; then what all of it uses while nobody calls, host and servers included";

    public Task Run(Session session) => session.Repeat(async () =>
    {
        var bare = await Bare(session);
        await using var system = await session.Boot();
        session.Record(Figure.Of("until everything is healthy", "s", system.HealthyAfter.TotalSeconds, Goal.AtMost(20),
            new("PostgreSQL with a new cluster and RabbitMQ with a new node, both at once, until they take logins", bare.Seconds)));
        await Task.Delay(session.Phase(1.0 / 6), session.Cancel);
        var fresh = await session.Watch(system, "just started", () => Task.Delay(session.Phase(1.0 / 3), session.Cancel), isIdle: true);
        session.Record(Figure.Of("processor just after the start", "% of a core", fresh.Cpu.System));
        // For some minutes the runtimes compile anew what the start used often.
        await Task.Delay(session.Phase(SettledAfter), session.Cancel);
        var idle = await session.Watch(system, "idle", () => Task.Delay(session.Phase(0.5), session.Cancel), isIdle: true);
        session.Record(Figure.Of("idle processor", "% of a core", idle.Cpu.System, Goal.AtMost(5), new("PostgreSQL and RabbitMQ alone, idle", bare.Percent)));
        session.Record(Figure.Of("idle processor of the services alone", "% of a core", idle.Cpu.Services));
        var memory = Memory(system.HostProcessId);
        Console.WriteLine($"    memory: {string.Join(", ", memory.OrderByDescending(entry => entry.Value).Select(entry => $"{entry.Key} {entry.Value:0} MB"))}");
        session.Record(Figure.Of("idle memory (PSS)", "MB", memory.Values.Sum(), Goal.AtMost(GoalMegabytes), new("PostgreSQL and RabbitMQ alone, idle", bare.Megabytes)));
        session.Record(Figure.Of("idle memory of the services alone (PSS)", "MB", memory.Where(entry => Machine.Services.Contains(entry.Key)).Sum(entry => entry.Value)));
    });

    private static async Task<(double Seconds, double Percent, double Megabytes)> Bare(Session session)
    {
        await using var servers = await BareServers.Start(session.StateDirectory, session.Cancel);
        await Task.Delay(session.Phase(1.0 / 6), session.Cancel);
        var before = CpuUse.Sample(servers.ProcessIds);
        await Task.Delay(session.Phase(0.5), session.Cancel);
        var use = CpuUse.Between(before, CpuUse.Sample(servers.ProcessIds));
        return (servers.ReadyAfter.TotalSeconds, use.System, Memory(servers.ProcessIds).Values.Sum());
    }

    private static Dictionary<string, double> Memory(params int[] roots) => CpuUse.SystemProcesses(roots).GroupBy(process => process.Name)
        .ToDictionary(group => group.Key, group => group.Sum(process => ProportionalMegabytes(process.Pid)));

    /// <summary>Pages shared with other processes count by their share, so that a sum counts each page once.</summary>
    private static double ProportionalMegabytes(int pid)
    {
        try
        {
            var line = File.ReadLines($"/proc/{pid}/smaps_rollup").First(text => text.StartsWith("Pss:", StringComparison.Ordinal));
            return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / BytesPerKilobyte;
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            return 0;
        }
    }
}
