using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.OperationTracking.Reports;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Posted;

/// <summary>Ends posted operations that have reached one of their limits, or queues them for their next attempt. Every replica looks; who holds a row decides.</summary>
internal sealed partial class TimeOutPosted(ServiceDatabase database, OperationWatch watches, LatestReports latest, TimeProvider time, ILogger<TimeOutPosted> log)
    : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    /// <summary>The rest is found at the next turn.</summary>
    private const int MostAtOnce = 1_000;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        // While no process listened, callers could not be heard: their silence counts from now.
        var listeningSince = time.GetUtcNow();
        Guid[] putOff = [];
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            // Those of whom something was held, of which there may be many, wait for the turn after: the others have this one.
            List<(Guid Org, Guid Id)> due = [];
            await Tried(async () => due = await Due(putOff, stoppingToken), stoppingToken);
            List<Guid> failed = [];
            foreach (var some in due.GroupBy(one => one.Org, one => one.Id))
            {
                if (!await Tried(() => TimeOut(some.Key, [.. some], listeningSince, stoppingToken), stoppingToken))
                {
                    failed.Add(some.Key);
                }
            }

            // While all fail that are found there may be others behind them.
            putOff = due.Count > 0 && due.TrueForAll(one => failed.Contains(one.Org)) ? [.. putOff, .. failed] : [.. failed];
        }
    }

    /// <summary>What goes wrong with one organisation's must not keep the others' waiting.</summary>
    private async Task<bool> Tried(Func<Task> work, CancellationToken cancel)
    {
        try
        {
            await work();
            return true;
        }
        catch (Exception fault) when (!cancel.IsCancellationRequested)
        {
            Later(Faults.IsTransient(fault) ? LogLevel.Warning : LogLevel.Error, fault);
            return false;
        }
    }

    private async Task<List<(Guid Org, Guid Id)>> Due(Guid[] putOff, CancellationToken cancel)
    {
        await using var find = database.Relay.CreateCommand("SELECT org_id, operation_id FROM posted_operations WHERE due_at <= $1 AND org_id <> ALL ($3) ORDER BY due_at LIMIT $2");
        find.Parameters.Add(new() { Value = time.GetUtcNow() });
        find.Parameters.Add(new() { Value = MostAtOnce });
        find.Parameters.Add(new() { Value = putOff });
        await using var reader = await find.ExecuteReaderAsync(cancel);
        List<(Guid, Guid)> due = [];
        while (await reader.ReadAsync(cancel))
        {
            due.Add((reader.GetGuid(0), reader.GetGuid(1)));
        }

        return due;
    }

    private async Task TimeOut(Guid org, Guid[] ids, DateTimeOffset listeningSince, CancellationToken cancel)
    {
        List<(Guid Id, bool HasEnded)> changed = [];
        // A batch is one transaction.
        await using var batch = database.App.CreateBatch();
        batch.BatchCommands.Add(Tenant.ForTransaction(org));
        batch.BatchCommands.Add(LockWait.Command());
        batch.BatchCommands.Add(new("SELECT operation_id, has_ended FROM time_out_posted($1, $2, $3, $4)")
        {
            Parameters = { new() { Value = ids }, new() { Value = time.GetUtcNow() }, new() { Value = listeningSince }, new() { Value = Guid.CreateVersion7() } },
        });
        await using (var reader = await batch.ExecuteReaderAsync(cancel))
        {
            await reader.NextResultAsync(cancel);
            await reader.NextResultAsync(cancel);
            while (await reader.ReadAsync(cancel))
            {
                changed.Add((reader.GetGuid(0), reader.GetBoolean(1)));
            }
        }

        foreach (var (id, hasEnded) in changed)
        {
            if (hasEnded)
            {
                latest.Forget(org, id);
            }

            watches.Changed(org, id);
        }
    }

    [LoggerMessage("Posted operations that are due are timed out at the next turn")]
    private partial void Later(LogLevel level, Exception fault);
}
