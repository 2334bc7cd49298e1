using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.Identity.Audit;

/// <summary>Drops the weeks of the audit trail that are older than 400 days, once a day.</summary>
internal sealed class ForgetAudit(Forgetting forgetting, ServiceDatabase database, TimeProvider time) : BackgroundService
{
    /// <summary>A year, and the month in which the year's accounts are looked at.</summary>
    public static readonly TimeSpan Retention = TimeSpan.FromDays(400);

    private static readonly TimeSpan Interval = TimeSpan.FromDays(1);

    /// <returns>How many weeks were dropped.</returns>
    public Task<int> Run(CancellationToken cancel) => forgetting.Weeks("audit_entries", Retention, cancel);

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
