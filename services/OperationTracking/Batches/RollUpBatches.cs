using OpsPlatform.OperationTracking.Approvals;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Batches;

/// <summary>
/// Makes open batches as far as their children are, once a second when one of these has changed, and ends them as soon as the last of these has ended. Every
/// replica does it for what it has changed; each batch is one's at a time, and what was done is not done again.
/// </summary>
internal sealed partial class RollUpBatches(ServiceDatabase database, IServiceScopeFactory scopes, BatchSignal signal, TimeProvider time, ILogger<RollUpBatches> log) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>Ends that a process did not come to, which was killed, are looked for so often while nothing changes.</summary>
    private static readonly TimeSpan QuietInterval = TimeSpan.FromSeconds(5);

    /// <summary>All are looked at so often, for what a process changed that was killed before it came to it.</summary>
    private static readonly TimeSpan AllInterval = TimeSpan.FromMinutes(5);

    /// <summary>What changes within it is looked at together.</summary>
    private static readonly TimeSpan Gap = TimeSpan.FromMilliseconds(50);

    /// <summary>As deep as batches may be within each other.</summary>
    private const int MostNested = 100;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        long? looked = null, lookedAtAll = null;
        while (!stoppingToken.IsCancellationRequested)
        {
            var woken = signal.Next;
            var isTurn = looked is not { } last || time.GetElapsedTime(last) >= Interval;
            looked = isTurn ? time.GetTimestamp() : looked;
            var changed = isTurn ? signal.Take() : [];
            var isAll = changed is null || (isTurn && (lookedAtAll is not { } before || time.GetElapsedTime(before) >= AllInterval));
            lookedAtAll = isAll ? looked : lookedAtAll;
            var isQuiet = true;
            try
            {
                var (found, failed) = await RollUp(isAll, changed ?? [], isTurn, stoppingToken);
                (isQuiet, lookedAtAll) = (found == 0, failed == 0 ? lookedAtAll : null);
            }
            catch (Exception fault) when (!stoppingToken.IsCancellationRequested)
            {
                Later(fault, null);
                (lookedAtAll, isQuiet) = (null, false);
            }

            await Task.Delay(Gap, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await woken.WaitAsync(Left(looked!.Value), time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (isQuiet && lookedAtAll is not null)
            {
                await Task.WhenAny(woken, signal.AnyChanged(), Task.Delay(QuietInterval - Interval, time, stoppingToken));
            }
        }
    }

    /// <summary>Each batch once, and those it is within after it: however deep it is, they are all as far as it is within the same turn.</summary>
    private async Task<(int Found, int Failed)> RollUp(bool all, IReadOnlyCollection<(Guid Org, Guid Id)> changed, bool isTurn, CancellationToken cancel)
    {
        HashSet<(Guid Org, Guid Id)> rolledUp = [];
        HashSet<Guid> putOff = [];
        var failed = 0;
        for (var depth = 0; ; depth++)
        {
            var before = rolledUp.Count;
            foreach (var (org, id) in await Find(all, changed, cancel))
            {
                if (!rolledUp.Add((org, id)) || putOff.Contains(org))
                {
                    // It changed since, or something of its organisation is held: it is next turn's.
                    signal.Changed(org, id);
                    continue;
                }

                var outcome = await RollUp(org, id, isTurn, cancel);
                failed += outcome == Outcome.Failed ? 1 : 0;
                if (outcome == Outcome.Held)
                {
                    putOff.Add(org);
                    signal.Changed(org, id);
                }
            }

            var more = isTurn && depth < MostNested && rolledUp.Count > before ? signal.Take() : [];
            if (more is { Count: 0 })
            {
                return (rolledUp.Count, failed);
            }

            (all, changed) = (more is null, more ?? []);
        }
    }

    private TimeSpan Left(long looked) => Interval - time.GetElapsedTime(looked) is var left && left > TimeSpan.Zero ? left : TimeSpan.Zero;

    private async Task<List<(Guid Org, Guid Id)>> Find(bool all, IReadOnlyCollection<(Guid Org, Guid Id)> changed, CancellationToken cancel)
    {
        await using var find = database.Relay.CreateCommand("SELECT org_id, id FROM batches_to_roll_up($1) UNION SELECT org_id, id FROM batches_of($2, $3)");
        find.Parameters.Add(new() { Value = all });
        find.Parameters.Add(new() { Value = changed.Select(one => one.Org).ToArray() });
        find.Parameters.Add(new() { Value = changed.Select(one => one.Id).ToArray() });
        List<(Guid, Guid)> found = [];
        await using var row = await find.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            found.Add((row.GetGuid(0), row.GetGuid(1)));
        }

        return found;
    }

    /// <summary>What goes wrong with one must not keep the others waiting.</summary>
    private async Task<Outcome> RollUp(Guid org, Guid id, bool isTurn, CancellationToken cancel)
    {
        try
        {
            await using var scope = scopes.CreateAsyncScope();
            scope.ServiceProvider.GetRequiredService<Caller>().ActFor(org, Approving.Self);
            await scope.ServiceProvider.GetRequiredService<BatchTurn>().Run(id, isTurn, cancel);
            return Outcome.Done;
        }
        catch (Exception fault) when (!cancel.IsCancellationRequested)
        {
            Later(fault, id);
            return LockWait.IsOver(fault) ? Outcome.Held : Outcome.Failed;
        }
    }

    private enum Outcome
    {
        Done,
        Held,
        Failed,
    }

    [LoggerMessage(LogLevel.Warning, "Batch {Id} is rolled up later")]
    private partial void Later(Exception fault, Guid? id);
}
