using Microsoft.Extensions.Hosting;
using OpsPlatform.ServiceDefaults.Idempotency;

namespace OpsPlatform.ServiceDefaults.Database;

/// <summary>
/// Forgets what every service has: kept answers older than a repeat may be, ids of messages that come no more, hops nobody asks for any
/// more, and changes the feed has had for long. Every replica does it.
/// </summary>
internal sealed class ForgetOld(ServiceDatabase database, Forgetting forgetting, TimeProvider time) : BackgroundService
{
    /// <summary>Longer than any broker or relay holds a message back.</summary>
    private static readonly TimeSpan HeardRetention = TimeSpan.FromDays(14);
    private static readonly TimeSpan HopRetention = TimeSpan.FromDays(7);
    private static readonly TimeSpan ChangeRetention = TimeSpan.FromDays(30);
    private static readonly TimeSpan WorkRetention = TimeSpan.FromDays(7);
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            await forgetting.Rows("idempotent_answers", "created_at", AnswerTable.Retention, stoppingToken);
            await forgetting.Rows("inbox", "received_at", HeardRetention, stoppingToken);
            await forgetting.Rows("operation_work", "ended_at", WorkRetention, stoppingToken, "state = 'ended'");
            await forgetting.Weeks("hops", HopRetention, stoppingToken);
            await forgetting.Weeks("sync_events", ChangeRetention, stoppingToken, "ops_drop_sent_week");
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }
}
