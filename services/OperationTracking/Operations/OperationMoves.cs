using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;
using NpgsqlTypes;
using OpsPlatform.Contracts;
using OpsPlatform.OperationTracking.Posted;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>What a person does to an operation, one or many at a time, whose rows the caller holds.</summary>
internal sealed class OperationMoves(OperationsDb db, TellAfterCommit tell, Caller caller, TimeProvider time)
{
    /// <summary>For a week a service keeps what it needs to go on, or back.</summary>
    private static readonly TimeSpan ServiceKnowsFor = TimeSpan.FromDays(6);

    public const string PastReturn = "It is past the point of no return: what has begun is done to its end.";

    public static bool MayCancel(Operation row) => !row.IsOver && row.Status != OperationStatus.Cancelling;

    public static bool MayRetry(Operation row, DateTimeOffset now) => row.Status is OperationStatus.Failed or OperationStatus.TimedOut
        && row.UndoneBy is null && (row.Service == PostedOperations.Service || row.CompletedAt > RetryableSince(now));

    public static bool MayUndo(Operation row, DateTimeOffset now) =>
        row is { CanUndo: true, UndoneBy: null, Attempt: > 0 } && row.CompletedAt > now - ServiceKnowsFor;

    /// <summary>When what a service works on must have ended after, to be tried again.</summary>
    public static DateTimeOffset RetryableSince(DateTimeOffset now) => now - ServiceKnowsFor;

    /// <summary>The service that works on one is asked to stop; what nobody works on is cancelled at once. A batch's children are asked when it is looked at next.</summary>
    /// <param name="transaction">It is committed, with what else the caller has changed.</param>
    public async Task Cancel(IDbContextTransaction transaction, IReadOnlyCollection<Operation> rows, string userId, string? reason, CancellationToken cancel)
    {
        await Publish(rows, row => new OperationCancelled(row.Id, row.Service, userId, reason), cancel);
        List<NpgsqlBatchCommand> asks = [];
        foreach (var row in rows)
        {
            var isOver = row.Service == PostedOperations.Service && !row.RollsUp && !row.HasLease();
            asks.Add(new($"SELECT {(isOver ? "cancel_posted" : "ask_cancel")}($1, $2, $3, $4, $5)")
            {
                Parameters =
                {
                    new() { Value = row.Id },
                    new() { Value = userId },
                    new() { Value = (object?)reason ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text },
                    new() { Value = time.GetUtcNow() },
                    new() { Value = caller.CorrelationId },
                },
            });
            tell.Changed(caller.Org, row.Id, isOver);
        }

        await transaction.CommitWith(db, asks);
    }

    /// <summary>Of a batch the children that failed are tried again when it is looked at next. The caller commits.</summary>
    public async Task Retry(IReadOnlyCollection<Operation> rows, string userId, CancellationToken cancel)
    {
        await Publish(rows, row => new OperationRetried(row.Id, row.Service, userId), cancel);
        foreach (var row in rows)
        {
            var (id, at) = (row.Id, time.GetUtcNow());
            await (row.RollsUp
                ? db.Database.ExecuteSqlAsync($"SELECT retry_batch({id}, {userId}, {at}, {caller.CorrelationId})", cancel)
                : db.Database.ExecuteSqlAsync($"SELECT retry_operation({id}, {userId}, {at}, {caller.CorrelationId})", cancel));
            tell.Changed(caller.Org, id);
        }
    }

    /// <summary>Stores what is told to services, and what else the caller has changed, before the organisation's timeline is locked, for which all others of it wait.</summary>
    private async Task Publish<T>(IEnumerable<Operation> rows, Func<Operation, T> message, CancellationToken cancel)
        where T : class
    {
        foreach (var row in rows.Where(row => row.Service != PostedOperations.Service))
        {
            db.Publish(message(row));
        }

        await db.SaveChangesAsync(cancel);
    }
}
