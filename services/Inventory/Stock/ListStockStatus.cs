using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Inventory.Stock;

/// <summary>How each ingredient stands, in order of code.</summary>
internal static class ListStockStatus
{
    private static readonly string[] States = ["OUT_OF_STOCK", "LOW_STOCK", "OVERSTOCK", "NORMAL"];

    /// <param name="Status">OUT_OF_STOCK, LOW_STOCK, OVERSTOCK or NORMAL.</param>
    /// <param name="StockPercentage">Of the maximum; null without one.</param>
    /// <param name="DaysRemaining">At the usual rate of use; null without one.</param>
    public sealed record StockStatusResponse(
        Guid IngredientId,
        string Code,
        string Name,
        string Unit,
        decimal Stock,
        decimal ReorderPoint,
        decimal? MaximumStock,
        string Status,
        decimal? StockPercentage,
        decimal? DaysRemaining);

    public static async Task<Page<StockStatusResponse>> Handle(string? state, int? limit, string? cursor, InventoryDb db, CancellationToken cancel)
    {
        var take = Paging.Limit(limit);
        if (state is not null && !States.Contains(state))
        {
            throw new BadHttpRequestException($"state must be one of {string.Join(", ", States)}.");
        }

        var rows = await db.Database.SqlQuery<StockStatusResponse>(
            $"""
            SELECT ingredient_id AS "IngredientId", code AS "Code", name AS "Name", unit AS "Unit", stock AS "Stock", reorder_point AS "ReorderPoint",
              maximum_stock AS "MaximumStock", status AS "Status", stock_percentage AS "StockPercentage", days_remaining AS "DaysRemaining"
            FROM inventory_status
            WHERE ({state}::text IS NULL OR status = {state}::text) AND ({Paging.Decode<string>(cursor)}::text IS NULL OR code > {Paging.Decode<string>(cursor)}::text)
            ORDER BY code LIMIT {take + 1}
            """).ToListAsync(cancel);
        return Paging.Cut(rows, take, x => x.Code);
    }
}
