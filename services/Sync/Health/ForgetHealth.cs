using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.Sync.Health;

/// <summary>Forgets metrics, alerts and resyncs of long ago, what the sliding windows have left behind, and counts of what the feed has forgotten.</summary>
internal sealed class ForgetHealth(Forgetting forgetting)
{
    private static readonly TimeSpan ActivityRetention = TimeSpan.FromHours(2);
    private static readonly TimeSpan MarkerRetention = TimeSpan.FromHours(1);

    public async Task Run(CancellationToken cancel)
    {
        await forgetting.Weeks("system_metrics", HealthOptions.MetricsRetention, cancel);
        await forgetting.Rows("system_metrics_default", "recorded_at", HealthOptions.MetricsRetention, cancel);
        await forgetting.Rows("sync_alerts", "changed_at", HealthOptions.MetricsRetention, cancel);
        await forgetting.Rows("resyncs", "requested_at", HealthOptions.MetricsRetention, cancel);
        await forgetting.Rows("feed_activity", "until", ActivityRetention, cancel);
        await forgetting.Rows("feed_markers", "passed_at", MarkerRetention, cancel);
        await forgetting.Rows("feed_counts", "week", TimeSpan.Zero, cancel, """
            week + 7 <= (SELECT min(to_date(right(w, 8), 'YYYYMMDD')) FROM ops_weeks_before('infinity', 'feed') w)
            """);
        await forgetting.Rows("feed_holes", "found_at", TimeSpan.Zero, cancel, "position < (SELECT earliest FROM feed_heads h WHERE h.org_id = feed_holes.org_id)");
    }
}
