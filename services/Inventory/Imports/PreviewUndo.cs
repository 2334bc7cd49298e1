using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.Inventory.Imports;

/// <summary>What taking an import back would do by the stock as it is now, and which lines it could not; nothing is stored.</summary>
internal static class PreviewUndo
{
    public static async Task<Results<Ok<ImportPreview>, NotFound, ProblemHttpResult>> Handle(Guid id, InventoryDb db, Operations operations, CancellationToken cancel)
    {
        if (await db.StockImports.AsNoTracking().SingleOrDefaultAsync(x => x.Id == id, cancel) is not { } import)
        {
            return TypedResults.NotFound();
        }

        if (await StartUndo.Refusal(import, operations, cancel) is { } refusal)
        {
            return refusal;
        }

        var lines = await db.StockImportLines.AsNoTracking()
            .Where(x => x.ImportId == id && x.Outcome == LineOutcome.Applied).OrderByDescending(x => x.LineNo).ToListAsync(cancel);
        var ids = lines.Select(line => line.IngredientId!.Value).Distinct().ToArray();
        var items = await db.Ingredients.Where(x => ids.Contains(x.Id)).Select(StockItems.Unlocked).ToDictionaryAsync(x => x.Id, cancel);
        return TypedResults.Ok(ImportPreview.Of(lines, line => items.GetValueOrDefault(line.IngredientId!.Value), (line, item) => line.TakeBack(item)));
    }
}
