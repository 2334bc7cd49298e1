using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Batches;

/// <summary>Says that a batch has all the children it will have: it ends with the last of them. Closed again, nothing changes.</summary>
internal static class CloseBatch
{
    public static async Task<Results<Accepted<OperationView>, NotFound, ProblemHttpResult>> Handle(
        Guid id, ClaimsPrincipal user, OperationsDb db, OperationReader reader, TellAfterCommit tell, Caller caller, TimeProvider time, CancellationToken cancel)
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

        if (!row.RollsUp)
        {
            return Problems.NoBatch();
        }

        if (!row.IsClosed && row.IsOver)
        {
            return Problems.OperationOver(reader.View(row), "What has ended is not closed.");
        }

        if (!row.IsClosed)
        {
            await db.Database.ExecuteSqlAsync($"SELECT close_batch({id}, {viewer.UserId}, {time.GetUtcNow()}, {caller.CorrelationId})", cancel);
            row = (await reader.Row(id, cancel))!;
            tell.Changed(caller.Org, id);
            await transaction.CommitAsync(cancel);
        }

        return TypedResults.Accepted($"/operations/{id}", reader.View(row));
    }
}
