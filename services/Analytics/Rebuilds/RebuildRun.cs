using System.Data;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Analytics.Facts;
using OpsPlatform.Analytics.Settings;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.Analytics.Rebuilds;

/// <summary>
/// The steps of one rebuild. Each step's work is committed with how far it came, under the work's lease: whoever takes the rebuild over goes on there, and
/// whoever lost it changes nothing any more.
/// </summary>
internal sealed class RebuildRun(AnalyticsDb db, OwnerExports owners, TimeProvider time)
{
    private static readonly TimeSpan SettleInterval = TimeSpan.FromMilliseconds(200);

    /// <summary>How long no message on its way may arrive before what differs is taken for lost.</summary>
    private static readonly TimeSpan SettlePatience = TimeSpan.FromSeconds(5);

    /// <summary>No statement of a rebuild takes longer: counting anew, comparing and removing go over all an organisation has.</summary>
    private static readonly TimeSpan LongestStatement = TimeSpan.FromMinutes(10);

    private sealed record Place(RebuildStep Step, string? Cursor);

    /// <returns>How far it is then; it is over once nothing is left to count, and only its left-overs are to be forgotten.</returns>
    public async Task<Rebuild> Step(Operation operation, CancellationToken cancel)
    {
        db.ChangeTracker.Clear();
        db.Database.SetCommandTimeout(LongestStatement);
        var rebuild = await db.Rebuilds.AsNoTracking().SingleAsync(x => x.Id == operation.Id, cancel);
        if (rebuild.State == RebuildState.Failed)
        {
            throw new OperationRefusedException("It was given up, and what it had counted is gone. Start a new one.");
        }

        if (rebuild.State == RebuildState.Waiting)
        {
            return await Commit(operation, held => Task.FromResult((held.State, held.StartedAt) = (RebuildState.Running, time.GetUtcNow())), cancel);
        }

        return rebuild.IsOver ? rebuild : await (rebuild.Step switch
        {
            RebuildStep.Settings => TakeSettings(operation, cancel),
            RebuildStep.Orders => TakeOrders(operation, rebuild, cancel),
            RebuildStep.Consumption => TakeConsumption(operation, rebuild, cancel),
            RebuildStep.Settling => Settle(operation, cancel),
            _ => CompareAndShow(operation, rebuild, cancel),
        });
    }

    /// <summary>Removes what is neither shown nor being built.</summary>
    public Task ForgetLeftOvers(CancellationToken cancel) => db.Database.ExecuteSqlAsync($"SELECT forget_old_generations()", cancel);

    /// <summary>Gives it up: what was built is removed, what is shown stays.</summary>
    public async Task Fail(Operation operation, string error, CancellationToken cancel)
    {
        db.ChangeTracker.Clear();
        await Commit(operation, async rebuild =>
        {
            rebuild.End(RebuildState.Failed, time.GetUtcNow(), error);
            await db.Database.ExecuteSqlAsync($"UPDATE organisations SET building_generation = NULL WHERE building_generation = {rebuild.Generation}", cancel);
            await ForgetLeftOvers(cancel);
        }, cancel);
    }

    private async Task<Rebuild> TakeSettings(Operation operation, CancellationToken cancel)
    {
        var told = await owners.Settings(cancel);
        var orders = await owners.OrdersTotal(cancel);
        var consumption = await owners.ConsumptionTotal(cancel);
        return await Commit(operation, async rebuild =>
        {
            (rebuild.OrdersTotal, rebuild.ConsumptionTotal) = (orders, consumption);
            await ForgetLeftOvers(cancel);
            await CountAnewWhenOrganisationChanged.Apply(db, told, cancel);
            rebuild.GoTo(RebuildStep.Orders);
        }, cancel);
    }

    private async Task<Rebuild> TakeOrders(Operation operation, Rebuild at, CancellationToken cancel)
    {
        var page = await owners.Orders(at.Cursor, cancel);
        return await Commit(operation, async rebuild =>
        {
            await OrderFact.Apply(db.Connection, page.Items.Select(OrderFact.Of), buildingOnly: true, cancel);
            rebuild.OrdersDone += page.Items.Count;
            Next(rebuild, page.NextCursor, RebuildStep.Consumption);
        }, cancel);
    }

    private async Task<Rebuild> TakeConsumption(Operation operation, Rebuild at, CancellationToken cancel)
    {
        var page = await owners.Consumption(at.Cursor, cancel);
        return await Commit(operation, async rebuild =>
        {
            await ConsumptionFact.Apply(db.Connection, page.Items.Select(ConsumptionFact.Of), buildingOnly: true, cancel);
            rebuild.ConsumptionDone += page.Items.Count;
            Next(rebuild, page.NextCursor, RebuildStep.Settling);
        }, cancel);
    }

    private static void Next(Rebuild rebuild, string? cursor, RebuildStep then)
    {
        if (cursor is null)
        {
            rebuild.GoTo(then);
        }
        else
        {
            rebuild.Cursor = cursor;
        }
    }

    /// <summary>
    /// An owner's export may be ahead of its messages. All that is decided since the start is heard by both generations, so what the
    /// new one knows more of only falls from here on; what does not fall is lost, and the comparison shows it.
    /// </summary>
    private async Task<Rebuild> Settle(Operation operation, CancellationToken cancel)
    {
        var fewest = long.MaxValue;
        var fellAt = time.GetTimestamp();
        while (true)
        {
            var ahead = await db.Database.SqlQuery<long>(
                $"""SELECT facts_ahead(live_generation, building_generation) AS "Value" FROM organisations WHERE org_id = (SELECT current_org())""").SingleAsync(cancel);
            if (ahead < fewest)
            {
                (fewest, fellAt) = (ahead, time.GetTimestamp());
            }

            var isSettled = ahead == 0 || time.GetElapsedTime(fellAt) > SettlePatience;
            if (isSettled)
            {
                return await Commit(operation, rebuild =>
                {
                    rebuild.GoTo(RebuildStep.Comparing);
                    return Task.CompletedTask;
                }, cancel);
            }

            await Task.Delay(SettleInterval, time, cancel);
        }
    }

    private async Task<Rebuild> CompareAndShow(Operation operation, Rebuild at, CancellationToken cancel)
    {
        var isEqual = await Compare(at, cancel);
        return await Commit(operation, async rebuild =>
        {
            rebuild.IsEqual = isEqual;
            await db.Database.ExecuteSqlAsync(
                $"UPDATE organisations SET live_generation = building_generation, building_generation = NULL WHERE building_generation = {rebuild.Generation}", cancel);
            rebuild.GoTo(RebuildStep.Done);
            rebuild.End(RebuildState.Succeeded, time.GetUtcNow());
        }, cancel);
    }

    /// <summary>
    /// Both generations are compared as one snapshot has them. What is heard afterwards goes into both, so it does not change whether they are equal. Two who
    /// compare at once write the same, and the second not at all.
    /// </summary>
    private async Task<bool> Compare(Rebuild at, CancellationToken cancel)
    {
        await using var snapshot = await db.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancel);
        var isEqual = await db.Database.SqlQuery<bool>(
            $"""
            SELECT compare_generations({at.Id}, live_generation, {at.Generation}, {GetComparison.MaxDifferences}) AS "Value"
            FROM organisations WHERE org_id = (SELECT current_org()) AND building_generation = {at.Generation}
            """).SingleAsync(cancel);
        await snapshot.CommitAsync(cancel);
        return isEqual;
    }

    /// <exception cref="LeaseLostException">Nothing was changed.</exception>
    private async Task<Rebuild> Commit(Operation operation, Func<Rebuild, Task> work, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var rebuild = (await db.Rebuilds.FromSql($"SELECT * FROM rebuilds WHERE id = {operation.Id} FOR UPDATE").ToListAsync(cancel))[0];
        await work(rebuild);
        await db.SaveChangesAsync(cancel);
        // Last: the lease is renewed beside a transaction that takes long.
        await operation.Save(db, new Place(rebuild.Step, rebuild.Cursor), cancel);
        await transaction.CommitAsync(cancel);
        return rebuild;
    }
}
