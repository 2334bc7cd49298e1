using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.Inventory.Imports;

/// <summary>
/// Starts taking an import back, once, or asks for agreement to it when the lines are many. What moved since cannot always be: see the preview, and the lines
/// afterwards.
/// </summary>
internal static class StartUndo
{
    public static async Task<Results<Accepted<StockImportResponse>, NotFound, ProblemHttpResult>> Handle(
        Guid id, InventoryDb db, Operations operations, Undoing undoing, TimeProvider time, HttpContext http, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var undo = Guid.CreateVersion7(time.GetUtcNow());
        // There is no more work to mark of an import long ago, which is taken back all the same.
        await undoing.TryMark(id, undo, cancel);
        if (await ImportUndo.Hold(id, db, cancel) is not { } import)
        {
            return TypedResults.NotFound();
        }

        if (await Refusal(import, db, operations, cancel) is { } refusal)
        {
            return refusal;
        }

        await ImportUndo.Add(import, undo, db, operations, cancel);
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        operations.Wake();
        Operations.Point(http, undo);
        return TypedResults.Accepted($"/inventory/imports/{id}", StockImportResponse.Of(import));
    }

    /// <summary>What was cancelled or failed in the middle can be taken back as far as it came.</summary>
    public static async Task<ProblemHttpResult?> Refusal(StockImport import, InventoryDb db, Operations operations, CancellationToken cancel) =>
        await ImportUndo.UndoneBy(import, db, operations, cancel) is { } undo ? Problems.ImportUndone(undo) : await operations.IsUnderWay(import.Id, cancel) ? Problems.ImportRunning(import.Id) : null;
}
