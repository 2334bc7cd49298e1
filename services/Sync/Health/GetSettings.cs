using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;
using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.Sync.Health;

/// <summary>What this service was started with, and what it judges by.</summary>
internal static class GetSettings
{
    /// <param name="Warning">Null where the first deviation is a warning.</param>
    public sealed record Threshold(string Metric, string Unit, double? Warning, double? Critical);

    public sealed record Response(
        int SyncBatchSize, int SyncRetryAttempts, double SyncIntervalMs, double SyncHealthCheckIntervalSeconds, bool SyncAuto, bool SyncRealTime,
        double FeedRetentionDays, double MetricsRetentionDays, double WindowSeconds, int SamplesToImprove, IReadOnlyList<Threshold> Thresholds);

    public static Ok<Response> Handle(RelaySettings relay, HealthOptions health, IOptions<SyncOptions> sync) => TypedResults.Ok(new Response(
        relay.BatchSize, relay.Attempts, relay.Interval.TotalMilliseconds, health.CheckInterval.TotalSeconds, relay.Auto, sync.Value.RealTime,
        sync.Value.FeedRetention.TotalDays, HealthOptions.MetricsRetention.TotalDays, HealthOptions.Window.TotalSeconds, HealthOptions.SamplesToImprove,
        [
            new("data_consistency", "ratio", 1, HealthOptions.CriticalScore),
            new("lag_ms", "ms", HealthOptions.WarningLag.TotalMilliseconds, HealthOptions.CriticalLag.TotalMilliseconds),
            new("p95_ms", "ms", HealthOptions.WarningLatency.TotalMilliseconds, HealthOptions.CriticalLatency.TotalMilliseconds),
            new("error_rate", "ratio", null, HealthOptions.CriticalErrorRate),
        ]));
}
