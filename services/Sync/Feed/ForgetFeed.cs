using Microsoft.Extensions.Options;
using Npgsql;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.Sync.Feed;

/// <summary>Applies retention: drops what was captured too long ago, and tickets nobody used.</summary>
internal sealed partial class ForgetFeed(
    [FromKeyedServices("owner")] NpgsqlDataSource owner, ServiceDatabase database, IOptions<SyncOptions> options,
    TimeProvider time, ILogger<ForgetFeed> log) : BackgroundService
{
    /// <returns>How many partitions were dropped.</returns>
    public async Task<int> Run(CancellationToken cancel)
    {
        var now = time.GetUtcNow();
        await using var tickets = owner.CreateCommand("DELETE FROM feed_tickets WHERE expires_at < $1");
        tickets.Parameters.Add(new() { Value = now });
        await tickets.ExecuteNonQueryAsync(cancel);

        await using var feed = owner.CreateCommand("SELECT forget_feed($1)");
        feed.Parameters.Add(new() { Value = now - options.Value.FeedRetention });
        return (int)(await feed.ExecuteScalarAsync(cancel))!;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(options.Value.RetentionInterval, time);
        do
        {
            try
            {
                if (await Run(stoppingToken) is var dropped and > 0)
                {
                    Forgot(dropped, options.Value.FeedRetention);
                }
            }
            catch (NpgsqlException exception)
            {
                // A lock not granted in time is as good a reason as a database that is away: the next round does it.
                CannotForget(exception.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(LogLevel.Information, "Dropped {Count} partitions of the feed, captured more than {Retention} ago")]
    private partial void Forgot(int count, TimeSpan retention);

    [LoggerMessage(LogLevel.Warning, "Retention of the feed was not applied: {Reason}")]
    private partial void CannotForget(string reason);
}
