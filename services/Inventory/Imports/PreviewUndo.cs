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

        if (await StartUndo.Refusal(import, db, operations, cancel) is { } refusal)
        {
            return refusal;
        }

        var results = await ImportUndo.Results(id, db, cancel);
        return TypedResults.Ok(ImportPreview.Of(results) with { NeedsApproval = LargeUndo.Preview(ImportUndo.Named(results)).NeedsApproval });
    }
}
