using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.ServiceDefaults.Idempotency;

/// <summary>Deletes answers older than a repeat may be, a few thousand at a time. Every replica runs it; they skip what another one holds.</summary>
internal sealed partial class ForgetAnswers(ServiceDatabase database, TimeProvider time, ILogger<ForgetAnswers> log) : BackgroundService
{
    private const int AtMost = 5_000;
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            try
            {
                while (await Forget(stoppingToken) == AtMost)
                {
                }
            }
            catch (Exception fault) when (!stoppingToken.IsCancellationRequested && Faults.IsTransient(fault))
            {
                Later(fault.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task<int> Forget(CancellationToken cancel)
    {
        await using var forget = database.Owner.CreateCommand("SELECT ops_forget_answers(now() - $1, $2)");
        forget.Parameters.Add(new() { Value = AnswerTable.Retention });
        forget.Parameters.Add(new() { Value = AtMost });
        return (int)(await forget.ExecuteScalarAsync(cancel))!;
    }

    [LoggerMessage(LogLevel.Warning, "Old answers are forgotten later: {Reason}")]
    private partial void Later(string reason);
}
