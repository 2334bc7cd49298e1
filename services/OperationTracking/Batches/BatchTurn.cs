using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.OperationTracking.Posted;
using OpsPlatform.OperationTracking.Statistics;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Batches;

/// <summary>What is done for one batch at a time: its children are cancelled or tried again with it, some at a time, and it is made as far as they are.</summary>
internal sealed class BatchTurn(OperationsDb db, OperationMoves moves, TellAfterCommit tell, History history, Caller caller, TimeProvider time)
{
    /// <summary>They, and the organisation's timeline, are locked until all are asked.</summary>
    private const int AtOnce = 100;

    /// <summary>Children at work whose ends are foretold.</summary>
    private const int MostForetold = 500;

    /// <param name="isTurn">False when only what cannot wait is done.</param>
    public async Task Run(Guid id, bool isTurn, CancellationToken cancel)
    {
        await PassOn(id, cancel);
        var (p50, p90) = isTurn ? await EndOf(id, cancel) : (null, null);
        await using var transaction = await db.BeginImpatient(cancel);
        var hasEnded = await db.Database.SqlQuery<bool?>(
            $"SELECT roll_up({id}, {!isTurn}, {time.GetUtcNow()}, {p50}, {p90}, {caller.CorrelationId}) AS \"Value\"").SingleAsync(cancel);
        if (hasEnded is { } ended)
        {
            tell.Changed(caller.Org, id, ended);
            await transaction.CommitAsync(cancel);
        }
    }

    /// <summary>Has a batch's children cancelled or tried again with it; what somebody else holds is next.</summary>
    private async Task PassOn(Guid id, CancellationToken cancel)
    {
        await using var transaction = await db.BeginImpatient(cancel);
        var batch = await db.Operations.FromSql(
            $"""
            SELECT * FROM operations WHERE org_id = (SELECT current_org()) AND id = {id} AND completed_at IS NULL AND (status = 'cancelling' OR retry_asked_at IS NOT NULL)
            FOR UPDATE SKIP LOCKED
            """).AsNoTracking().SingleOrDefaultAsync(cancel);
        if (batch is { Status: OperationStatus.Cancelling, CancelledBy: { } by })
        {
            await CancelSome(transaction, batch, by, cancel);
        }
        else if (batch is { RetryAskedAt: { } at, RetryAskedBy: { } user } && await RetrySome(batch, at, user, cancel))
        {
            await transaction.CommitAsync(cancel);
        }

        db.ChangeTracker.Clear();
    }

    private async Task CancelSome(IDbContextTransaction transaction, Operation batch, string user, CancellationToken cancel)
    {
        var children = await db.Operations.FromSql(
            $"""
            SELECT * FROM operations WHERE org_id = (SELECT current_org()) AND parent_id = {batch.Id} AND completed_at IS NULL AND status <> 'cancelling'
            ORDER BY id LIMIT {AtOnce} FOR UPDATE SKIP LOCKED
            """).AsNoTracking().ToListAsync(cancel);
        if (children.Count > 0)
        {
            await moves.Cancel(transaction, children, user, batch.CancelReason, cancel);
        }
    }

    /// <returns>False when there is no room for more posted operations: they are tried again as others end.</returns>
    private async Task<bool> RetrySome(Operation batch, DateTimeOffset failedBy, string user, CancellationToken cancel)
    {
        var since = OperationMoves.RetryableSince(time.GetUtcNow());
        FormattableString failed = $"""
            SELECT * FROM operations WHERE org_id = (SELECT current_org()) AND parent_id = {batch.Id} AND status IN ('failed', 'timed_out')
              AND undone_by IS NULL AND completed_at <= {failedBy} AND (service = {PostedOperations.Service} OR completed_at > {since}) ORDER BY id LIMIT {AtOnce} FOR UPDATE SKIP LOCKED
            """;
        await moves.Retry(await db.Operations.FromSql(failed).AsNoTracking().ToListAsync(cancel), user, cancel);
        if (await PostOperation.HasTooManyOpen(db, cancel))
        {
            return false;
        }

        await db.Database.ExecuteSqlAsync(
            $"""
            UPDATE operations SET retry_asked_at = NULL, retry_asked_by = NULL WHERE org_id = (SELECT current_org()) AND id = {batch.Id} AND NOT EXISTS (
              SELECT FROM operations c WHERE c.org_id = (SELECT current_org()) AND c.parent_id = {batch.Id} AND c.status IN ('failed', 'timed_out')
                AND c.undone_by IS NULL AND c.completed_at <= {failedBy} AND (c.service = {PostedOperations.Service} OR c.completed_at > {since}))
            """, cancel);
        return true;
    }

    /// <returns>When the last of the children at work will have ended; null where that is not known.</returns>
    private async Task<(DateTimeOffset? P50, DateTimeOffset? P90)> EndOf(Guid id, CancellationToken cancel)
    {
        var working = await db.Operations.AsNoTracking().Where(x => x.ParentId == id && x.CompletedAt == null && x.Status == OperationStatus.InProgress)
            .Select(x => new { x.OrgId, x.OperationType, x.Total, x.StartedAt, x.ProgressPercentage, x.RollsUp, x.EndsP50At, x.EndsP90At }).Take(MostForetold).ToListAsync(cancel);
        foreach (var type in working.Select(child => (child.OrgId, child.OperationType)).Distinct())
        {
            await history.Load(type.OrgId, type.OperationType, cancel);
        }

        var now = time.GetUtcNow();
        var foretold = working.Where(child => !child.RollsUp && child.StartedAt is not null)
            .Select(child => history.Of(child.OrgId, child.OperationType, child.Total, now - child.StartedAt!.Value, child.ProgressPercentage)).ToList();
        return (
            working.Select(child => child.EndsP50At).Concat(foretold.Select(forecast => now + forecast?.P50)).Max(),
            working.Select(child => child.EndsP90At).Concat(foretold.Select(forecast => now + forecast?.P90)).Max());
    }
}
