using System.Data;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Analytics.Facts;
using OpsPlatform.Analytics.Settings;

namespace OpsPlatform.Analytics.Rebuilds;

/// <summary>Somebody else works on the rebuild now.</summary>
internal sealed class ClaimLostException() : Exception("The rebuild was taken over by another instance.");

/// <summary>
/// The steps of one rebuild. Each step's work is committed with how far it came, under a claim that ends by itself: whoever takes
/// the rebuild over goes on there, and whoever lost it changes nothing any more.
/// </summary>
internal sealed class RebuildRun(AnalyticsDb db, OwnerExports owners, TimeProvider time, IConfiguration configuration)
{
    private static readonly TimeSpan SettleInterval = TimeSpan.FromMilliseconds(200);

    /// <summary>How long no message on its way may arrive before what differs is taken for lost.</summary>
    private static readonly TimeSpan SettlePatience = TimeSpan.FromSeconds(5);

    /// <summary>Laying two generations of a million orders beside each other takes less.</summary>
    private static readonly TimeSpan ComparisonTime = TimeSpan.FromMinutes(10);

    /// <summary>No statement of a rebuild takes longer: counting anew, comparing and removing go over all an organisation has.</summary>
    private static readonly TimeSpan LongestStatement = ComparisonTime;

    private readonly Guid _claim = Guid.NewGuid();

    /// <summary>How long a claim holds without a word; longer than an owner may take to answer.</summary>
    public TimeSpan Lease { get; } = configuration.GetValue("Analytics:RebuildLease", TimeSpan.FromSeconds(45));

    /// <returns>False when there is nothing to do, or somebody else does it.</returns>
    public async Task<bool> TryClaim(Guid id, CancellationToken cancel)
    {
        var now = time.GetUtcNow();
        return await db.Database.ExecuteSqlAsync(
            $"""
            UPDATE rebuilds SET claimed_by = {_claim}, claimed_until = {now + Lease}, started_at = coalesce(started_at, {now}),
              state = CASE state WHEN 'waiting' THEN 'running' ELSE state END
            WHERE id = {id} AND NOT is_cleaned AND (claimed_until IS NULL OR claimed_until < {now})
            """,
            cancel) == 1;
    }

    /// <summary>Lets another instance go on at once.</summary>
    public Task Release(Guid id) => db.Database.ExecuteSqlAsync($"UPDATE rebuilds SET claimed_until = NULL WHERE id = {id} AND claimed_by = {_claim}");

    /// <summary>Keeps the rebuild while an owner is waited for.</summary>
    /// <exception cref="ClaimLostException">Somebody else has it.</exception>
    public async Task Keep(Guid id, CancellationToken cancel)
    {
        var until = time.GetUtcNow() + Lease;
        if (await db.Database.ExecuteSqlAsync($"UPDATE rebuilds SET claimed_until = {until} WHERE id = {id} AND claimed_by = {_claim}", cancel) == 0)
        {
            throw new ClaimLostException();
        }
    }

    /// <returns>False when all is done.</returns>
    public async Task<bool> Step(Guid id, CancellationToken cancel)
    {
        db.ChangeTracker.Clear();
        db.Database.SetCommandTimeout(LongestStatement);
        var rebuild = await db.Rebuilds.AsNoTracking().SingleAsync(x => x.Id == id, cancel);
        if (rebuild.IsOver)
        {
            await Commit(id, async held =>
            {
                await db.Database.ExecuteSqlAsync($"SELECT forget_old_generations()", cancel);
                held.IsCleaned = true;
            }, cancel);
            return false;
        }

        await (rebuild.Step switch
        {
            RebuildStep.Settings => TakeSettings(id, cancel),
            RebuildStep.Orders => TakeOrders(rebuild, cancel),
            RebuildStep.Consumption => TakeConsumption(rebuild, cancel),
            RebuildStep.Settling => Settle(rebuild, cancel),
            _ => CompareAndShow(id, cancel),
        });
        return true;
    }

    /// <summary>Gives it up: what was built is removed, what is shown stays.</summary>
    public Task Fail(Guid id, string error, CancellationToken cancel)
    {
        db.ChangeTracker.Clear();
        return Commit(id, async rebuild =>
        {
            if (rebuild.IsOver)
            {
                // What it counted is shown: only its left-overs are still there, for whoever takes it up next.
                throw new InvalidOperationException($"The left-overs of rebuild {id} could not be removed: {error}");
            }

            rebuild.End(RebuildState.Failed, time.GetUtcNow(), error);
            await db.Database.ExecuteSqlAsync($"UPDATE organisations SET building_generation = NULL WHERE building_generation = {rebuild.Generation}", cancel);
        }, cancel);
    }

    private async Task TakeSettings(Guid id, CancellationToken cancel)
    {
        var told = await owners.Settings(cancel);
        var orders = await owners.OrdersTotal(cancel);
        var consumption = await owners.ConsumptionTotal(cancel);
        await Commit(id, async rebuild =>
        {
            (rebuild.OrdersTotal, rebuild.ConsumptionTotal) = (orders, consumption);
            await CountAnewWhenOrganisationChanged.Apply(db, told, cancel);
            rebuild.GoTo(RebuildStep.Orders);
        }, cancel);
    }

    private async Task TakeOrders(Rebuild at, CancellationToken cancel)
    {
        var page = await owners.Orders(at.Cursor, cancel);
        await Commit(at.Id, async rebuild =>
        {
            await OrderFact.Apply(db.Connection, page.Items.Select(OrderFact.Of), buildingOnly: true, cancel);
            rebuild.OrdersDone += page.Items.Count;
            Next(rebuild, page.NextCursor, RebuildStep.Consumption);
        }, cancel);
    }

    private async Task TakeConsumption(Rebuild at, CancellationToken cancel)
    {
        var page = await owners.Consumption(at.Cursor, cancel);
        await Commit(at.Id, async rebuild =>
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
    private async Task Settle(Rebuild at, CancellationToken cancel)
    {
        var fewest = long.MaxValue;
        var fellAt = time.GetTimestamp();
        while (true)
        {
            var ahead = await db.Database.SqlQuery<long>(
                $"""SELECT facts_ahead(live_generation, building_generation) AS "Value" FROM organisations WHERE org_id = current_org()""").SingleAsync(cancel);
            if (ahead < fewest)
            {
                (fewest, fellAt) = (ahead, time.GetTimestamp());
            }

            var isSettled = ahead == 0 || time.GetElapsedTime(fellAt) > SettlePatience;
            await Commit(at.Id, rebuild =>
            {
                if (isSettled)
                {
                    rebuild.GoTo(RebuildStep.Comparing);
                }

                return Task.CompletedTask;
            }, cancel);
            if (isSettled)
            {
                return;
            }

            await Task.Delay(SettleInterval, time, cancel);
            db.ChangeTracker.Clear();
        }
    }

    /// <summary>
    /// Both generations are compared as one snapshot has them, and the new one is shown at the end of the same transaction. What is
    /// heard between the two goes into both, so it does not change whether they are equal.
    /// </summary>
    private async Task CompareAndShow(Guid id, CancellationToken cancel)
    {
        await Commit(id, _ => Task.CompletedTask, cancel, lease: ComparisonTime);
        db.ChangeTracker.Clear();
        await Commit(id, async rebuild =>
        {
            rebuild.IsEqual = await db.Database.SqlQuery<bool>(
                $"""
                SELECT compare_generations({id}, live_generation, {rebuild.Generation}, {GetComparison.MaxDifferences}) AS "Value"
                FROM organisations WHERE org_id = current_org()
                """).SingleAsync(cancel);
            await db.Database.ExecuteSqlAsync(
                $"UPDATE organisations SET live_generation = building_generation, building_generation = NULL WHERE building_generation = {rebuild.Generation}", cancel);
            rebuild.GoTo(RebuildStep.Done);
            rebuild.End(RebuildState.Succeeded, time.GetUtcNow());
        }, cancel, IsolationLevel.RepeatableRead);
    }

    /// <exception cref="ClaimLostException">Nothing was changed.</exception>
    private async Task Commit(
        Guid id, Func<Rebuild, Task> work, CancellationToken cancel, IsolationLevel isolation = IsolationLevel.ReadCommitted, TimeSpan? lease = null)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(isolation, cancel);
        var held = await db.Rebuilds.FromSql($"SELECT * FROM rebuilds WHERE id = {id} AND claimed_by = {_claim} FOR UPDATE").ToListAsync(cancel);
        if (held is not [var rebuild])
        {
            throw new ClaimLostException();
        }

        await work(rebuild);
        rebuild.ClaimedUntil = time.GetUtcNow() + (lease ?? Lease);
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
    }
}
