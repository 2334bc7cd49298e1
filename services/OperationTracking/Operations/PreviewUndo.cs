using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>What undoing an operation would do by how things are now, as the service says that worked on it; nothing is changed.</summary>
internal static class PreviewUndo
{
    public static async Task<Results<Ok<UndoPreview>, NotFound, ProblemHttpResult>> Handle(
        Guid id, ClaimsPrincipal user, HttpContext http, OperationReader reader, WorkingService service, TimeProvider time, CancellationToken cancel)
    {
        if (await reader.RowOnceKnown(id, cancel) is not { } row)
        {
            return TypedResults.NotFound();
        }

        if (UndoOperation.Refusal(row, user, reader, time) is { } refusal)
        {
            return refusal;
        }

        var (preview, refused) = await service.Ask<UndoPreview>(HttpMethod.Get, row, http, cancel);
        return preview is null ? UndoOperation.Refused(refused) : TypedResults.Ok(preview);
    }
}
