using OpsPlatform.ServiceDefaults;

namespace OpsPlatform.Sync.Health;

/// <summary>How often health is checked, and what counts as late or wrong.</summary>
/// <param name="CheckInterval">SYNC_HEALTH_CHECK_INTERVAL, in seconds.</param>
internal sealed record HealthOptions(TimeSpan CheckInterval)
{
    /// <summary>Rates, latencies and errors are judged over this window.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(5);

    /// <summary>A level is left downwards after so many better samples in a row.</summary>
    public const int SamplesToImprove = 3;

    /// <summary>A service that did not answer so many times in a row is a warning.</summary>
    public const int UnansweredForWarning = 3;

    /// <summary>Fewer changes in the window say nothing about latency.</summary>
    public const int FewestChangesToJudge = 20;

    public static readonly TimeSpan MetricsRetention = TimeSpan.FromDays(30);

    /// <summary>One proven mismatch is a warning; a score below this is critical.</summary>
    public const double CriticalScore = 0.99;

    public static readonly TimeSpan WarningLag = TimeSpan.FromSeconds(30);
    public static readonly TimeSpan CriticalLag = TimeSpan.FromMinutes(5);
    public static readonly TimeSpan WarningLatency = TimeSpan.FromSeconds(2);
    public static readonly TimeSpan CriticalLatency = TimeSpan.FromSeconds(10);

    /// <summary>One change set aside is a warning; this share of the window's changes is critical.</summary>
    public const double CriticalErrorRate = 0.05;

    /// <exception cref="InvalidOperationException">A setting is out of range; the message names the environment variable.</exception>
    public static HealthOptions Read(IConfiguration configuration) =>
        new(TimeSpan.FromSeconds(configuration.Number("SYNC_HEALTH_CHECK_INTERVAL", 30, 1, 3600)));
}
