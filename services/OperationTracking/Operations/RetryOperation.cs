using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.OperationTracking.Posted;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>
/// Queues an operation again that failed or took too long, with as many attempts as it had at first. The service that works on it goes on from where it got
/// to; a posted one is to be begun again.
/// </summary>
internal static class RetryOperation
{
    public static async Task<Results<Accepted<OperationView>, NotFound, ProblemHttpResult>> Handle(
        Guid id, ClaimsPrincipal user, HttpContext http, OperationsDb db, OperationReader reader, OperationMoves moves, TimeProvider time, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        if (await reader.Hold(id, cancel) is not { } row)
        {
            return TypedResults.NotFound();
        }

        var viewer = Viewer.Of(user);
        if (!viewer.Sees(row))
        {
            return Problems.NotYours();
        }

        if (!OperationMoves.MayRetry(row, time.GetUtcNow()))
        {
            return Problems.NotRetryable(reader.View(row));
        }

        await moves.Retry([row], viewer.UserId, cancel);
        if (row.Service == PostedOperations.Service && await PostOperation.HasTooManyOpen(db, cancel))
        {
            return Problems.TooManyOperations(http, PostOperation.MostOpen);
        }

        await transaction.CommitAsync(cancel);
        row = await reader.Row(id, cancel);
        ServiceDefaults.Work.Operations.Point(http, id);
        return TypedResults.Accepted($"/operations/{id}", reader.View(row!));
    }
}
