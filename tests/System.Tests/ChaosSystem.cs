using System.Globalization;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Npgsql;
using OpsPlatform.Chaos.Events;
using OpsPlatform.Chaos.Running;

namespace OpsPlatform.System.Tests;

/// <summary>The tests' system as the chaos tool sees one.</summary>
internal static class ChaosSystem
{
    public static async Task<Target> Of(RunningSystem system)
    {
        var administrator = await system.App.GetConnectionStringAsync("ordersdb");
        return new(
            system.Gateway,
            new NpgsqlConnectionStringBuilder(administrator) { Database = null }.ConnectionString,
            new Uri((await system.App.GetConnectionStringAsync(Victims.Broker))!),
            system.App.GetEndpoint(Victims.Broker, "management"),
            () => [.. Victims.Processes.Select(name => Look(system, name))]);
    }

    private static Instance Look(RunningSystem system, string name)
    {
        var snapshot = system.App.ResourceNotifications.TryGetCurrentState(name, out var seen) ? seen.Snapshot : null;
        var process = snapshot?.Properties.FirstOrDefault(property => property.Name == KnownProperties.Executable.Pid)?.Value;
        return new(name, snapshot?.HealthStatus?.ToString() ?? "unknown", process is null ? null : Convert.ToInt32(process, CultureInfo.InvariantCulture));
    }
}
