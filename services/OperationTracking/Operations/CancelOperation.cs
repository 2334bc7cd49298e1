using System.ComponentModel.DataAnnotations;
using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>Asks who works on an operation to stop it; it is cancelling until they say what became of it. A posted one that nobody has begun is cancelled at once.</summary>
internal static class CancelOperation
{
    public record Request([property: MaxLength(500)] string? Reason = null);

    public static async Task<Results<Accepted<OperationView>, NotFound, ProblemHttpResult>> Handle(
        Guid id, Request request, ClaimsPrincipal user, OperationsDb db, OperationReader reader, OperationMoves moves, CancellationToken cancel)
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

        if (row.IsOver)
        {
            return Problems.OperationOver(reader.View(row), "What has ended cannot be cancelled.");
        }

        if (OperationMoves.MayCancel(row))
        {
            var view = reader.View(row);
            if (row.CancelKindAt(view.CurrentStep) == CancelKind.Final)
            {
                return Problems.PastPointOfNoReturn(view);
            }

            await moves.Cancel(transaction, [row], viewer.UserId, request.Reason, cancel);
            row = (await reader.Row(id, cancel))!;
        }

        return TypedResults.Accepted($"/operations/{id}", reader.View(row));
    }
}
