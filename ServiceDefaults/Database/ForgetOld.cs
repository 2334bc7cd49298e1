using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpsPlatform.ServiceDefaults.Idempotency;

namespace OpsPlatform.ServiceDefaults.Database;

/// <summary>
/// Deletes kept answers older than a repeat may be and ids of messages that come no more, a few thousand at a time, and drops the
/// weeks of hops nobody asks for any more. Every replica runs it; they skip what another one holds.
/// </summary>
internal sealed partial class ForgetOld(ServiceDatabase database, TimeProvider time, ILogger<ForgetOld> log) : BackgroundService
{
    private const int AtMost = 5_000;

    /// <summary>Longer than any broker or relay holds a message back.</summary>
    private static readonly TimeSpan HeardRetention = TimeSpan.FromDays(14);
    private static readonly TimeSpan HopRetention = TimeSpan.FromDays(7);
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            try
            {
                await RunAll("SELECT ops_forget_answers(now() - $1, $2)", AnswerTable.Retention, stoppingToken);
                await RunAll("SELECT ops_forget_heard(now() - $1, $2)", HeardRetention, stoppingToken);
                await Run("SELECT ops_forget_weeks('hops', now() - $1)", stoppingToken, HopRetention);
            }
            catch (NpgsqlException fault)
            {
                Later(fault.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task RunAll(string sql, TimeSpan retention, CancellationToken cancel)
    {
        while (await Run(sql, cancel, retention, AtMost) == AtMost)
        {
        }
    }

    private async Task<int> Run(string sql, CancellationToken cancel, params object[] values)
    {
        await using var command = database.Owner.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value });
        }

        return (int)(await command.ExecuteScalarAsync(cancel))!;
    }

    [LoggerMessage(LogLevel.Warning, "What is old is forgotten later: {Reason}")]
    private partial void Later(string reason);
}
