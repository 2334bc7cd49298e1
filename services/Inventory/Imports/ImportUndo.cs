using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.Inventory.Imports;

/// <summary>What is the same whichever way an import is undone.</summary>
internal static class ImportUndo
{
    /// <summary>Locked, so that of two who undo it at once the second sees the first's.</summary>
    public static async Task<StockImport?> Hold(Guid id, InventoryDb db, CancellationToken cancel) =>
        (await db.StockImports.FromSql($"SELECT * FROM stock_imports WHERE id = {id} FOR UPDATE").ToListAsync(cancel)).SingleOrDefault();

    public static void Add(StockImport import, Guid undo, Operations operations)
    {
        import.UndoId = undo;
        operations.Add<UndoStockImport, ImportArgs>(
            undo, new(import.Id),
            new($"Undo of a stock import of {import.Total} lines", "stock_import", import.Id.ToString(), new { import.Note, import.Applied }, ["import", "undo"]), undoes: import.Id);
    }

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
