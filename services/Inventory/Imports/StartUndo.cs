using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.Inventory.Imports;

/// <summary>Starts taking an import back, once. What moved since cannot always be: see the preview, and the lines afterwards.</summary>
internal static class StartUndo
{
    public static async Task<Results<Accepted<StockImportResponse>, NotFound, ProblemHttpResult>> Handle(
        Guid id, InventoryDb db, Operations operations, TimeProvider time, HttpContext http, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        // Held, so that of two who ask at once the second sees the first's.
        if ((await db.StockImports.FromSql($"SELECT * FROM stock_imports WHERE id = {id} FOR UPDATE").ToListAsync(cancel)).SingleOrDefault() is not { } import)
        {
            return TypedResults.NotFound();
        }

        if (await Refusal(import, operations, cancel) is { } refusal)
        {
            return refusal;
        }

        var undo = Guid.CreateVersion7(time.GetUtcNow());
        import.UndoId = undo;
        operations.Add<UndoStockImport, ImportArgs>(
            undo, new(id), new($"Undo of a stock import of {import.Total} lines", "stock_import", id.ToString(), new { import.Note, import.Applied }, ["import", "undo"]));
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        operations.Wake();
        Operations.Point(http, undo);
        return TypedResults.Accepted($"/inventory/imports/{id}", StockImportResponse.Of(import));
    }

    /// <summary>What was cancelled or failed in the middle can be taken back as far as it came.</summary>
    public static async Task<ProblemHttpResult?> Refusal(StockImport import, Operations operations, CancellationToken cancel) =>
        import.UndoId is { } undo ? Problems.ImportUndone(undo) : await operations.IsUnderWay(import.Id, cancel) ? Problems.ImportRunning(import.Id) : null;
}
