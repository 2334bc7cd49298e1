using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.Inventory.Imports;

/// <summary>What is the same whichever way an import is undone.</summary>
internal static class ImportUndo
{
    /// <summary>Locked, so that of two who undo it at once the second sees the first's.</summary>
    public static async Task<StockImport?> Hold(Guid id, InventoryDb db, CancellationToken cancel) =>
        (await db.StockImports.FromSql($"SELECT * FROM stock_imports WHERE id = {id} FOR UPDATE").ToListAsync(cancel)).SingleOrDefault();

    /// <returns>The operation that takes it back, or has; null when none does, or it ended before it took anything back.</returns>
    public static async Task<Guid?> UndoneBy(StockImport import, InventoryDb db, Operations operations, CancellationToken cancel) =>
        import.UndoId is { } undo && (await operations.IsUnderWay(undo, cancel)
            || await db.StockImportLines.AnyAsync(x => x.ImportId == import.Id && (x.Outcome == LineOutcome.Undone || x.Outcome == LineOutcome.NotUndone), cancel)) ? undo : null;

    /// <summary>Within the transaction that holds the import.</summary>
    public static async Task Add(StockImport import, Guid undo, InventoryDb db, Operations operations, CancellationToken cancel)
    {
        import.UndoId = undo;
        operations.Add<UndoStockImport, ImportArgs>(
            undo, new(import.Id),
            new($"Undo of a stock import of {import.Total} lines", "stock_import", import.Id.ToString(), new { import.Note, import.Applied }, ["import", "undo"]),
            LargeUndo.Plan(import.Id, Named(await Results(import.Id, db, cancel))), undoes: import.Id);
    }

    public static IReadOnlyList<(string What, string? Error)> Named(IEnumerable<(StockImportLine Line, string? Error)> results) =>
        [.. results.Select(result => ($"line {result.Line.LineNo}, {result.Line.Code}", result.Error))];

    /// <returns>What each applied line would leave in stock, or why it would not be taken back; the last first.</returns>
    public static async Task<IReadOnlyList<(StockImportLine Line, string? Error)>> Results(Guid id, InventoryDb db, CancellationToken cancel)
    {
        var lines = await db.StockImportLines.AsNoTracking()
            .Where(x => x.ImportId == id && x.Outcome == LineOutcome.Applied).OrderByDescending(x => x.LineNo).ToListAsync(cancel);
        var ids = lines.Select(line => line.IngredientId!.Value).Distinct().ToArray();
        var items = await db.Ingredients.Where(x => ids.Contains(x.Id)).Select(StockItems.Unlocked).ToDictionaryAsync(x => x.Id, cancel);
        return [.. lines.Select(line =>
        {
            var item = items.GetValueOrDefault(line.IngredientId!.Value);
            var (after, error) = line.TakeBack(item);
            if (error is null)
            {
                item!.Stock = after;
            }

            return (line, error);
        })];
    }
}
