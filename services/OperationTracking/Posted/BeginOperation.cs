using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Posted;

/// <summary>
/// Begins an attempt at a posted operation. Reports and the end name the fence that is answered; whoever began before can report and end nothing any more.
/// </summary>
internal static class BeginOperation
{
    /// <param name="Force">Takes it over from an attempt of one's own that is still under way, such as one whose process is gone.</param>
    public record Request(bool Force = false);

    public record Response(int Attempt, long Fence);

    public static async Task<Results<Ok<Response>, NotFound, ProblemHttpResult>> Handle(
        Guid id, Request request, ClaimsPrincipal user, OperationsDb db, OperationReader reader, TellAfterCommit tell, Caller caller, TimeProvider time, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        if (await reader.Hold(id, cancel) is not { } row)
        {
            return TypedResults.NotFound();
        }

        var userId = Viewer.Of(user).UserId;
        if ((row.Refusal(user) ?? await NotNow(row, request, userId, db, reader, cancel)) is { } refusal)
        {
            return refusal;
        }

        var attempt = await db.Database.SqlQuery<int>($"SELECT begin_posted({id}, {userId}, {time.GetUtcNow()}, {caller.CorrelationId}) AS \"Value\"").SingleAsync(cancel);
        tell.Changed(caller.Org, id);
        await transaction.CommitAsync(cancel);
        return TypedResults.Ok(new Response(attempt, attempt));
    }

    private static async Task<ProblemHttpResult?> NotNow(Operation row, Request request, string userId, OperationsDb db, OperationReader reader, CancellationToken cancel) =>
        row.IsOver ? Problems.OperationOver(reader.View(row), "What has ended is not begun; POST /operations/{id}/retry queues again what failed.")
        : row.Status == OperationStatus.WaitingForApproval ? Problems.NotApproved()
        : row.HasLease() && !(request.Force && await Holder(row.Id, db, cancel) == userId) ? Problems.LeaseHeld(reader.View(row))
        : null;

    private static Task<string?> Holder(Guid id, OperationsDb db, CancellationToken cancel) =>
        db.Database.SqlQuery<string?>($"SELECT held_by AS \"Value\" FROM posted_operations WHERE org_id = (SELECT current_org()) AND operation_id = {id}").SingleAsync(cancel);
}
