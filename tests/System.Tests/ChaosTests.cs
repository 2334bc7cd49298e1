using System.Globalization;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Npgsql;
using OpsPlatform.Chaos;
using OpsPlatform.Chaos.Events;
using OpsPlatform.Chaos.Running;

namespace OpsPlatform.System.Tests;

/// <summary>A short run of what ./run chaos does for long.</summary>
[Collection(nameof(SystemCollection))]
public sealed class ChaosTests(RunningSystem system, ITestOutputHelper output)
{
    /// <summary>Its first events are one of each kind, with the broker killed and the database restarted among them, and the shortest of their kind.</summary>
    private const int Seed = 14_521;

    private const int Events = 8;
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(10);

    [Fact]
    public async Task While_anything_breaks_nothing_is_lost_doubled_or_mixed_up()
    {
        using var timeout = new CancellationTokenSource(Timeout);
        await using var text = new StringWriter();
        var code = await ChaosCommand.Run(new(Seed, Minutes: 1, Events, StateDirectory: ""), await Target(), TextWriter.Synchronized(text), timeout.Token);
        output.WriteLine(text.ToString());
        code.ShouldBe(ChaosCommand.Holds, text.ToString());
        text.ToString().Split('\n').Count(line => line.Contains(" in flight, ", StringComparison.Ordinal)).ShouldBe(Events);
    }

    private async Task<Target> Target()
    {
        var administrator = await system.App.GetConnectionStringAsync("ordersdb");
        return new(
            system.Gateway,
            new NpgsqlConnectionStringBuilder(administrator) { Database = null }.ConnectionString,
            new Uri((await system.App.GetConnectionStringAsync(Victims.Broker))!),
            system.App.GetEndpoint(Victims.Broker, "management"),
            () => [.. Victims.Processes.Select(Look)]);
    }

    private Instance Look(string name)
    {
        // One that has no replicas is called by its resource's name.
        var snapshot = system.App.ResourceNotifications.TryGetCurrentState(name, out var seen) ? seen.Snapshot : null;
        var process = snapshot?.Properties.FirstOrDefault(property => property.Name == KnownProperties.Executable.Pid)?.Value;
        return new(name, snapshot?.HealthStatus?.ToString() ?? "unknown", process is null ? null : Convert.ToInt32(process, CultureInfo.InvariantCulture));
    }
}
