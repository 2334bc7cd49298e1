using Microsoft.EntityFrameworkCore;
using OpsPlatform.Contracts;
using OpsPlatform.OperationTracking.Posted;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>What a person does to an operation, one or many at a time, whose row the caller holds: stored by the next SaveChanges and commit.</summary>
internal sealed class OperationMoves(OperationsDb db, TellAfterCommit tell, Caller caller, TimeProvider time)
{
    /// <summary>For a week a service keeps what it needs to go on, or back.</summary>
    private static readonly TimeSpan ServiceKnowsFor = TimeSpan.FromDays(6);

    public const string PastReturn = "It is past the point of no return: what has begun is done to its end.";

    public static bool MayCancel(Operation row) => !row.IsOver && row.Status != OperationStatus.Cancelling;

    public static bool MayRetry(Operation row, DateTimeOffset now) => row.Status is OperationStatus.Failed or OperationStatus.TimedOut
        && row.UndoneBy is null && (row.Service == PostedOperations.Service || row.CompletedAt > now - ServiceKnowsFor);

    public static bool MayUndo(Operation row, DateTimeOffset now) =>
        row is { CanUndo: true, UndoneBy: null, Attempt: > 0 } && row.CompletedAt > now - ServiceKnowsFor;

    /// <summary>The service that works on it is asked to stop; what nobody works on is cancelled at once.</summary>
    public async Task Cancel(Operation row, string userId, string? reason, CancellationToken cancel)
    {
        var (id, at) = (row.Id, time.GetUtcNow());
        var isOver = row.Service == PostedOperations.Service && !row.HasLease();
        if (isOver)
        {
            await db.Database.ExecuteSqlAsync($"SELECT cancel_posted({id}, {userId}, {reason}, {at}, {caller.CorrelationId})", cancel);
        }
        else
        {
            await db.Database.ExecuteSqlAsync($"SELECT ask_cancel({id}, {userId}, {reason}, {at}, {caller.CorrelationId})", cancel);
        }

        if (row.Service != PostedOperations.Service)
        {
            db.Publish(new OperationCancelled(id, row.Service, userId, reason));
        }

        tell.Changed(caller.Org, id, isOver);
    }

    public async Task Retry(Operation row, string userId, CancellationToken cancel)
    {
        await db.Database.ExecuteSqlAsync($"SELECT retry_operation({row.Id}, {userId}, {time.GetUtcNow()}, {caller.CorrelationId})", cancel);
        if (row.Service != PostedOperations.Service)
        {
            db.Publish(new OperationRetried(row.Id, row.Service, userId));
        }

        tell.Changed(caller.Org, row.Id);
    }
}
