using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.OperationTracking.Operations;

namespace OpsPlatform.OperationTracking.Posted;

/// <summary>Whether an operation takes one that a caller posts as a part of it.</summary>
internal sealed class PostedParent(OperationsDb db, OperationReader reader)
{
    private const int MostLevels = 5;

    /// <returns>Why the caller may not add to it; null when they may, whatever becomes of it meanwhile.</returns>
    public async Task<ProblemHttpResult?> RefusalOf(Guid id, ClaimsPrincipal user, CancellationToken cancel)
    {
        if (await reader.RowOnceKnown(id, cancel) is not { } parent)
        {
            return Problems.NoSuchParent(id);
        }

        return !Viewer.Of(user).Sees(parent) ? Problems.NotYours() : await LevelOf(parent, cancel) >= MostLevels ? Problems.TooDeep(MostLevels) : null;
    }

    /// <summary>To be asked after the timeline was written to: whoever ends, cancels or closes the parent has either done so, or comes after the child.</summary>
    /// <returns>Null while it takes children.</returns>
    public async Task<ProblemHttpResult?> Closed(Guid id, CancellationToken cancel) =>
        await reader.Row(id, cancel) is { } parent && (parent.IsOver || parent.IsClosed || parent.Status == OperationStatus.Cancelling) ? Problems.ParentClosed(reader.View(parent)) : null;

    private async Task<int> LevelOf(Operation operation, CancellationToken cancel)
    {
        var level = 1;
        for (var above = operation.ParentId; above is { } id && level < MostLevels; level++)
        {
            above = await db.Operations.Where(x => x.Id == id).Select(x => x.ParentId).SingleOrDefaultAsync(cancel);
        }

        return level;
    }
}
