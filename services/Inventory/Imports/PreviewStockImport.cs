using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Inventory.Imports;

/// <summary>What an import would do by the stock as it is now, line by line; nothing is stored.</summary>
internal static class PreviewStockImport
{
    public static async Task<Ok<ImportPreview>> Handle(StockImportRequest request, InventoryDb db, Caller caller, CancellationToken cancel)
    {
        var codes = request.Lines.Select(line => line.Code).Distinct().ToArray();
        var items = await db.Ingredients.Where(x => codes.Contains(x.Code)).Select(StockItems.Unlocked).ToDictionaryAsync(x => x.Code, cancel);
        return TypedResults.Ok(ImportPreview.Of(request.LinesOf(caller.Org, Guid.Empty).Select(line =>
        {
            var item = items.GetValueOrDefault(line.Code);
            var (after, error, _) = line.Apply(item);
            if (error is null)
            {
                item!.Stock = after;
            }

            return (line, error);
        })));
    }
}
