using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>Forgets operations that ended long ago; the timeline goes on telling of them. Every replica does it.</summary>
internal sealed class ForgetOperations(ServiceDatabase database, Forgetting forgetting, TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan Retention = TimeSpan.FromDays(90);
    private static readonly TimeSpan StatisticsRetention = TimeSpan.FromDays(400);
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(10);

    /// <summary>A plan of an operation that was never heard of.</summary>
    private static readonly TimeSpan EarlyPlanRetention = TimeSpan.FromDays(14);

    /// <returns>How many operations were forgotten.</returns>
    public async Task<int> Run(CancellationToken cancel)
    {
        await forgetting.Rows("feed_tickets", "expires_at", TimeSpan.Zero, cancel);
        await forgetting.Rows("early_plans", "heard_at", EarlyPlanRetention, cancel);
        await forgetting.Rows("operation_durations", "day", Retention, cancel);
        await forgetting.Rows("operation_days", "day", StatisticsRetention, cancel);
        await forgetting.Rows("bulk_items", "asked_at", Retention, cancel);
        return await forgetting.Rows("operations", "completed_at", Retention, cancel);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            await Run(stoppingToken);
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }
}
