using OpsPlatform.ServiceDefaults;

namespace OpsPlatform.Registry;

/// <summary>How often instances say that they live, and how long the registry believes them.</summary>
internal sealed record RegistrySettings(TimeSpan Heartbeat, TimeSpan Lease, TimeSpan ProbeInterval, TimeSpan RoutePoll, TimeSpan HistoryKept)
{
    private const int SweepsPerLease = 8;

    /// <summary>How often leases are looked at: an instance is lost at most this much after its lease is over.</summary>
    public TimeSpan SweepInterval => Lease / SweepsPerLease;

    /// <exception cref="InvalidOperationException">A number is out of range, or a lease lets no heartbeat be late.</exception>
    public static RegistrySettings From(IConfiguration configuration)
    {
        var settings = new RegistrySettings(
            TimeSpan.FromMilliseconds(configuration.Number("Registry:HeartbeatMs", 5000, 50, 60_000)),
            TimeSpan.FromMilliseconds(configuration.Number("Registry:LeaseMs", 15_000, 150, 600_000)),
            TimeSpan.FromMilliseconds(configuration.Number("Registry:ProbeIntervalMs", 15_000, 50, 600_000)),
            TimeSpan.FromMilliseconds(configuration.Number("Registry:RoutePollMs", 5000, 50, 25_000)),
            TimeSpan.FromDays(configuration.Number("Registry:HistoryDays", 90, 1, 3650)));
        return settings.Lease >= 2 * settings.Heartbeat
            ? settings
            : throw new InvalidOperationException("Set Registry__LeaseMs to at least twice Registry__HeartbeatMs: one late heartbeat must not lose an instance.");
    }
}
