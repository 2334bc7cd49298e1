using Npgsql;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.Identity.Audit;

/// <summary>Drops the weeks of the audit trail that are older than 400 days, once a day.</summary>
internal sealed partial class ForgetAudit(
    [FromKeyedServices("owner")] NpgsqlDataSource owner, ServiceDatabase database, TimeProvider time, ILogger<ForgetAudit> log) : BackgroundService
{
    /// <summary>A year, and the month in which the year's accounts are looked at.</summary>
    public static readonly TimeSpan Retention = TimeSpan.FromDays(400);

    private static readonly TimeSpan Interval = TimeSpan.FromDays(1);

    /// <returns>How many weeks were dropped.</returns>
    public async Task<int> Run(CancellationToken cancel)
    {
        await using var forget = owner.CreateCommand("SELECT ops_forget_weeks('audit_entries', $1)");
        forget.Parameters.Add(new() { Value = time.GetUtcNow() - Retention });

        return (int)(await forget.ExecuteScalarAsync(cancel))!;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(Interval, time);

        do
        {
            try
            {
                await Run(stoppingToken);
            }
            catch (NpgsqlException failure)
            {
                LogFailed(failure.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(LogLevel.Warning, "The audit trail's oldest weeks were not dropped, the next round does it: {Reason}")]
    private partial void LogFailed(string reason);
}
