using OpsPlatform.OperationTracking.Approvals;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Batches;

/// <summary>
/// Makes open batches as far as their children are, once a second, and ends them as soon as the last of these has ended. Every replica does it; each
/// batch is one's at a time, and what was done is not done again.
/// </summary>
internal sealed partial class RollUpBatches(ServiceDatabase database, IServiceScopeFactory scopes, BatchSignal signal, TimeProvider time, ILogger<RollUpBatches> log) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>What changes within it is looked at together.</summary>
    private static readonly TimeSpan Gap = TimeSpan.FromMilliseconds(50);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        long? looked = null;
        while (!stoppingToken.IsCancellationRequested)
        {
            var woken = signal.Next;
            var isTurn = looked is not { } last || time.GetElapsedTime(last) >= Interval;
            looked = isTurn ? time.GetTimestamp() : looked;
            try
            {
                foreach (var (org, id) in await Find(isTurn, stoppingToken))
                {
                    await RollUp(org, id, isTurn, stoppingToken);
                }
            }
            catch (Exception fault) when (!stoppingToken.IsCancellationRequested)
            {
                Later(fault, null);
            }

            await Task.Delay(Gap, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await woken.WaitAsync(Left(looked!.Value), time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private TimeSpan Left(long looked) => Interval - time.GetElapsedTime(looked) is var left && left > TimeSpan.Zero ? left : TimeSpan.Zero;

    private async Task<List<(Guid Org, Guid Id)>> Find(bool all, CancellationToken cancel)
    {
        await using var find = database.Relay.CreateCommand("SELECT org_id, id FROM batches_to_roll_up($1)");
        find.Parameters.Add(new() { Value = all });
        List<(Guid, Guid)> found = [];
        await using var row = await find.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            found.Add((row.GetGuid(0), row.GetGuid(1)));
        }

        return found;
    }

    /// <summary>What goes wrong with one must not keep the others waiting.</summary>
    private async Task RollUp(Guid org, Guid id, bool isTurn, CancellationToken cancel)
    {
        try
        {
            await using var scope = scopes.CreateAsyncScope();
            scope.ServiceProvider.GetRequiredService<Caller>().ActFor(org, Approving.Self);
            await scope.ServiceProvider.GetRequiredService<BatchTurn>().Run(id, isTurn, cancel);
        }
        catch (Exception fault) when (!cancel.IsCancellationRequested)
        {
            Later(fault, id);
        }
    }

    [LoggerMessage(LogLevel.Warning, "Batch {Id} is rolled up later")]
    private partial void Later(Exception fault, Guid? id);
}
