using Microsoft.Extensions.Options;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.Sync.Feed;

/// <summary>Applies retention: drops what was captured too long ago, tickets nobody used, and rows deleted so long ago that nothing of them can come.</summary>
internal sealed partial class ForgetFeed(
    Forgetting forgetting, ServiceDatabase database, IOptions<SyncOptions> options, TimeProvider time, ILogger<ForgetFeed> log) : BackgroundService
{
    /// <summary>
    /// A frame older than a row's deletion may yet come while a change of its organisation waits or was set aside at its service, or is
    /// parked here; of what could not be read the organisation is not known.
    /// </summary>
    private const string NothingOlderMayCome = """
        NOT EXISTS (SELECT FROM parked_messages p WHERE p.org_id = feed_rows.org_id OR p.org_id IS NULL) AND NOT EXISTS (
            SELECT FROM source_backlogs b WHERE b.org_id = feed_rows.org_id AND b.service = feed_rows.service
                AND (b.failed > 0 OR now() - b.oldest_waits_ms * interval '1 ms' < feed_rows.deleted_at))
        """;

    /// <returns>How many partitions were dropped.</returns>
    public async Task<int> Run(CancellationToken cancel)
    {
        await forgetting.Rows("feed_tickets", "expires_at", TimeSpan.Zero, cancel);
        await forgetting.Pieces("SELECT forget_stray_entries(now() - $1, $2)", options.Value.FeedRetention, cancel);
        await forgetting.Rows("feed_rows", "deleted_at", options.Value.FeedRetention, cancel, NothingOlderMayCome);
        return await forgetting.Weeks("feed", options.Value.FeedRetention, cancel, "drop_feed_week");
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(options.Value.RetentionInterval, time);
        do
        {
            if (await Run(stoppingToken) is var dropped and > 0)
            {
                Forgot(dropped, options.Value.FeedRetention);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(LogLevel.Information, "Dropped {Count} partitions of the feed, captured more than {Retention} ago")]
    private partial void Forgot(int count, TimeSpan retention);
}
