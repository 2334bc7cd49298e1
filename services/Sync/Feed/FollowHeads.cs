using Microsoft.Extensions.Options;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.Sync.Feed;

/// <summary>Stands behind what the replicas tell each other: what another one appended unheard is seen within a poll.</summary>
internal sealed partial class FollowHeads(
    FeedHub hub, FeedAdvanced advanced, ServiceDatabase database, IOptions<SyncOptions> options, TimeProvider time, ILogger<FollowHeads> log) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        advanced.Hear();
        await database.Ready.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(options.Value.PollInterval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await hub.Follow(stoppingToken);
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                CannotFollow(exception);
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "The heads of the feed could not be read")]
    private partial void CannotFollow(Exception exception);
}
