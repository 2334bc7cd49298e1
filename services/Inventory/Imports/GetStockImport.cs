using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.Inventory.Imports;

/// <summary>How many of an import's lines are done, and how many could not be.</summary>
internal static class GetStockImport
{
    public static async Task<Results<Ok<StockImportResponse>, NotFound>> Handle(Guid id, InventoryDb db, CancellationToken cancel) =>
        await db.StockImports.AsNoTracking().SingleOrDefaultAsync(x => x.Id == id, cancel) is { } import
            ? TypedResults.Ok(StockImportResponse.Of(import))
            : TypedResults.NotFound();
}
