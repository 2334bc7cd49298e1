using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>
/// Has the service that worked on an operation undo it, as far as it came and once. That is an operation of the caller's, which Operation-Location points to;
/// see before what it would do.
/// </summary>
internal static class UndoOperation
{
    public static async Task<Results<Accepted<UndoStarted>, NotFound, ProblemHttpResult>> Handle(
        Guid id, ClaimsPrincipal user, HttpContext http, OperationReader reader, WorkingService service, TimeProvider time, CancellationToken cancel)
    {
        if (await reader.RowOnceKnown(id, cancel) is not { } row)
        {
            return TypedResults.NotFound();
        }

        if (Refusal(row, user, reader, time) is { } refusal)
        {
            return refusal;
        }

        var (started, refused) = await service.Ask<UndoStarted>(HttpMethod.Post, row, http, cancel);
        if (started is null)
        {
            return Refused(refused);
        }

        ServiceDefaults.Work.Operations.Point(http, started.OperationId);
        return TypedResults.Accepted($"/operations/{started.OperationId}", started);
    }

    /// <returns>Why there is nothing to ask the service; null when there is.</returns>
    public static ProblemHttpResult? Refusal(Operation row, ClaimsPrincipal user, OperationReader reader, TimeProvider time) =>
        !Viewer.Of(user).Sees(row) ? Problems.NotYours()
        : !row.CanUndo ? Problems.NotUndoable("The service that worked on it does not know how to undo work of its type.")
        : row.UndoneBy is { } undo ? Problems.AlreadyUndone(undo)
        : !row.IsOver ? Problems.OperationRunning(reader.View(row))
        : !OperationMoves.MayUndo(row, time.GetUtcNow()) ? Problems.NotUndoable("It was never begun, or ended more than six days ago.")
        : null;

    /// <summary>The service's refusal as it is, or that it has forgotten the work.</summary>
    public static ProblemHttpResult Refused(ProblemDetails? problem)
    {
        if (problem is null)
        {
            return Problems.NotUndoable("The service that worked on it has forgotten it.");
        }

        problem.Extensions.Remove("traceId");
        return TypedResults.Problem(problem);
    }
}
