using System.Globalization;
using Npgsql;
using OpsPlatform.Chaos.Invariants;
using OpsPlatform.Chaos.Running;

namespace OpsPlatform.Chaos.Watch;

/// <summary>One value over time.</summary>
/// <param name="Group">The plot it belongs on.</param>
internal sealed record Series(string Group, string Name, string Unit)
{
    public List<(double Seconds, double Value)> Points { get; } = [];
}

/// <summary>Looks every few seconds at memory, connections and queues; what cannot be read just then is left out.</summary>
internal sealed class Sampler : IAsyncDisposable
{
    public const string ServiceMemory = "memory of the services";
    public const string ServerMemory = "memory of the servers and the host";
    public const string Connections = "connections";
    public const string Queues = "messages in all queues";
    private const double BytesPerKilobyte = 1024;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<string, Series> _series = [];
    private readonly DateTime _started = DateTime.UtcNow;
    private readonly Task _work;

    private Sampler(Target target, Books books, BrokerApi broker) => _work = Follow(target, books, broker);

    public IReadOnlyCollection<Series> Samples => _series.Values;

    public static Sampler Start(Target target, Books books, BrokerApi broker) => new(target, books, broker);

    /// <summary>No sample comes after this.</summary>
    public async Task Stop()
    {
        await _stop.CancelAsync();
        await _work.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public async ValueTask DisposeAsync()
    {
        await Stop();
        _stop.Dispose();
    }

    private async Task Follow(Target target, Books books, BrokerApi broker)
    {
        var stop = _stop.Token;
        using var timer = new PeriodicTimer(Interval);
        while (await timer.WaitForNextTickAsync(stop))
        {
            Memory(target);
            try
            {
                var sessions = await books.Once(
                    "postgres", "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> 'chaos'", row => row.GetInt64(0), stop);
                Add(Connections, "PostgreSQL", "", sessions.Single());
                Add(Connections, "RabbitMQ", "", (await broker.Connections(stop)).Count);
                Add(Queues, "messages", "", (await broker.Depths(stop)).Values.Sum());
            }
            catch (Exception away) when (away is NpgsqlException or HttpRequestException || (away is OperationCanceledException && !stop.IsCancellationRequested))
            {
                // One of the servers has just been hurt.
            }
        }
    }

    private void Memory(Target target)
    {
        var children = Processes.Children();
        foreach (var instance in target.Look())
        {
            if (instance.ProcessId is { } process)
            {
                var isServer = Events.Victims.Servers.Contains(instance.Name);
                var megabytes = Processes.Below(process, children).Sum(ProportionalMegabytes);
                Add(isServer ? ServerMemory : ServiceMemory, instance.Name, "MB", megabytes);
            }
        }

        if (target.HostProcessId is { } host)
        {
            Add(ServerMemory, "host", "MB", ProportionalMegabytes(host));
        }
    }

    private void Add(string group, string name, string unit, double value)
    {
        if (!_series.TryGetValue($"{group}/{name}", out var series))
        {
            _series[$"{group}/{name}"] = series = new(group, name, unit);
        }

        series.Points.Add(((DateTime.UtcNow - _started).TotalSeconds, value));
    }

    /// <summary>Pages shared with other processes count by their share, so that a sum counts each page once.</summary>
    private static double ProportionalMegabytes(int process)
    {
        try
        {
            var line = File.ReadLines($"/proc/{process}/smaps_rollup").First(text => text.StartsWith("Pss:", StringComparison.Ordinal));
            return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / BytesPerKilobyte;
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            return 0;
        }
    }
}
