namespace OpsPlatform.Bench.Frame;

/// <summary>What each .NET process of the system allocated over a phase, and how often its garbage was collected; replicas together.</summary>
/// <param name="Rates">A second, by process name.</param>
internal sealed record AllocationUse(IReadOnlyDictionary<string, AllocationUse.Rate> Rates)
{
    private const string Bytes = "alloc-rate";
    private const string Gen0 = "gen-0-gc-count";
    private const string Gen2 = "gen-2-gc-count";

    internal sealed record Rate(double Bytes, double Gen0, double Gen2);

    /// <summary>Counts while it is not ended.</summary>
    internal sealed class Watch : IAsyncDisposable
    {
        private readonly List<(string Name, EventCounters Counters)> _processes = [];

        public static async Task<Watch> Begin(BenchSystem system, CancellationToken cancel)
        {
            var watch = new Watch();
            foreach (var (pid, name) in CpuUse.SystemProcesses(system.HostProcessId).Where(process => process.Name is not ("PostgreSQL" or "RabbitMQ")))
            {
                if (await EventCounters.Follow(pid, [Bytes, Gen0, Gen2], cancel) is { } counters)
                {
                    watch._processes.Add((name, counters));
                }
            }

            return watch;
        }

        public AllocationUse End() => new(_processes.GroupBy(process => process.Name).ToDictionary(group => group.Key, group => new Rate(
            group.Sum(process => process.Counters.PerSecond(Bytes) ?? 0),
            group.Sum(process => process.Counters.PerSecond(Gen0) ?? 0),
            group.Sum(process => process.Counters.PerSecond(Gen2) ?? 0))));

        public async ValueTask DisposeAsync()
        {
            foreach (var (_, counters) in _processes)
            {
                await counters.DisposeAsync();
            }
        }
    }
}
