using System.Globalization;
using OpsPlatform.Bench.Frame;

namespace OpsPlatform.Bench.Benchmarks;

internal sealed class StartBenchmark : IBenchmark
{
    private const double BytesPerKilobyte = 1_024;

    public string Name => "start";

    public string About => "from nothing, with new databases, until every resource is healthy; then what the services use while nobody calls";

    public Task Run(Session session) => session.Repeat(async () =>
    {
        await using var system = await session.Boot();
        session.Record(Figure.Of("until everything is healthy", "s", system.HealthyAfter.TotalSeconds));
        await Task.Delay(session.Phase(1.0 / 6), session.Cancel);
        await session.Watch(system, "idle", () => Task.Delay(session.Phase(0.5), session.Cancel));
        session.Record(Figure.Of("idle processor of the services", "% of a core", session.Cpu["idle"].Services));
        var memory = CpuUse.SystemProcesses(system.HostProcessId).GroupBy(process => process.Name)
            .ToDictionary(group => group.Key, group => group.Sum(process => ProportionalMegabytes(process.Pid)));
        Console.WriteLine($"    memory: {string.Join(", ", memory.OrderByDescending(entry => entry.Value).Select(entry => $"{entry.Key} {entry.Value:0} MB"))}");
        session.Record(Figure.Of("idle memory of the services (PSS)", "MB", memory.Where(entry => Machine.Services.Contains(entry.Key)).Sum(entry => entry.Value)));
        session.Record(Figure.Of("idle memory of PostgreSQL and RabbitMQ (PSS)", "MB", memory.Where(entry => entry.Key is "PostgreSQL" or "RabbitMQ").Sum(entry => entry.Value)));
    });

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
