using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.OperationTracking.Alerts;

/// <summary>Forgets alerts that were resolved and deliveries that were done with long ago. Every replica does it.</summary>
internal sealed class ForgetAlerts(ServiceDatabase database, Forgetting forgetting, TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan AlertRetention = TimeSpan.FromDays(90);
    private static readonly TimeSpan DeliveryRetention = TimeSpan.FromDays(30);
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(10);

    public async Task Run(CancellationToken cancel)
    {
        await forgetting.Rows("alerts", "resolved_at", AlertRetention, cancel);
        await forgetting.Rows("webhook_deliveries", "created_at", DeliveryRetention, cancel, "state <> 'pending'");
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
