using Microsoft.EntityFrameworkCore;
using OpsPlatform.OperationTracking.Reports;
using OpsPlatform.OperationTracking.Statistics;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>Reads the organisation's operations as they stand now: the rows with the latest reports laid over them.</summary>
internal sealed class OperationReader(OperationsDb db, LatestReports latest, History history, OperationWatch watches, Caller caller, TimeProvider time)
{
    /// <summary>Who was answered 202 by a service asks here before this service has heard that there is something to ask for.</summary>
    private static readonly TimeSpan StartMayTake = TimeSpan.FromSeconds(1);

    public async Task<Operation?> Row(Guid id, CancellationToken cancel)
    {
        var row = await db.Operations.AsNoTracking().SingleOrDefaultAsync(x => x.Id == id, cancel);
        if (row is { IsOver: false })
        {
            await history.Load(row.OrgId, row.OperationType, cancel);
        }

        return row;
    }

    /// <summary>Keeps everybody else from changing the operation until the transaction ends.</summary>
    public Task<Operation?> Hold(Guid id, CancellationToken cancel) =>
        db.Operations.FromSql($"SELECT * FROM operations WHERE org_id = (SELECT current_org()) AND id = {id} FOR UPDATE").AsNoTracking().SingleOrDefaultAsync(cancel);

    /// <returns>Null when nothing was heard of it within a second either.</returns>
    public async Task<Operation?> RowOnceKnown(Guid id, CancellationToken cancel)
    {
        if (await Row(id, cancel) is { } known)
        {
            return known;
        }

        using var watch = watches.TryStart(caller.Org, id);
        var since = time.GetTimestamp();
        while (watch is not null && StartMayTake - time.GetElapsedTime(since) is var left && left > TimeSpan.Zero)
        {
            var woken = watch.Next;
            if (await Row(id, cancel) is { } row)
            {
                return row;
            }

            await watch.Wait(woken, left, cancel);
            cancel.ThrowIfCancellationRequested();
        }

        return null;
    }

    /// <returns>Null when it has none.</returns>
    public async Task<OperationChildren?> Children(Guid id, CancellationToken cancel) =>
        await db.Database.SqlQuery<string?>($"SELECT counts::text AS \"Value\" FROM children_of({id})").SingleAsync(cancel) is { } counts ? OperationChildren.Of(counts) : null;

    public Progress Progress(Operation row) => Operations.Progress.Of(row, latest.Of(row.OrgId, row.Id));

    public OperationView View(Operation row) => OperationView.Of(row, latest.Of(row.OrgId, row.Id), history, time.GetUtcNow());
}
