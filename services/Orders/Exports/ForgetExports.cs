using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.Orders.Exports;

/// <summary>Deletes files a week after they were asked for, and what was left of those that were never done.</summary>
internal sealed class ForgetExports(Forgetting forgetting, ServiceDatabase database, TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            await forgetting.Rows("order_exports", "created_at", OrderExport.Retention, stoppingToken);
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }
}
