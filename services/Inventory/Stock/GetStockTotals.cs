using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.Inventory.Stock;

/// <summary>
/// Per ingredient what the stock log adds up to, beside the stock itself:
/// opening + increased - decreased + adjusted - consumed + restored = closing, or something is wrong.
/// </summary>
internal static class GetStockTotals
{
    /// <param name="Adjusted">The sum of all corrections, below 0 when less was counted than known.</param>
    /// <param name="Closing">The ingredient's own stock, not summed.</param>
    public sealed record StockTotalsResponse(
        Guid IngredientId,
        string Code,
        decimal Opening,
        decimal Increased,
        decimal Decreased,
        decimal Adjusted,
        decimal Consumed,
        decimal Restored,
        decimal Closing);

    public sealed record Response(IReadOnlyList<StockTotalsResponse> Items);

    public static async Task<Response> Handle(InventoryDb db, CancellationToken cancel) => new(await db.Database.SqlQuery<StockTotalsResponse>(
        $"""
        SELECT i.id AS "IngredientId", i.code AS "Code",
          coalesce(sum(l.quantity_changed) FILTER (WHERE l.id = i.id), 0) AS "Opening",
          coalesce(sum(l.quantity_changed) FILTER (WHERE l.id <> i.id AND l.change_type = 'increase' AND l.reference_type <> 'order'), 0) AS "Increased",
          coalesce(-sum(l.quantity_changed) FILTER (WHERE l.change_type = 'decrease'), 0) AS "Decreased",
          coalesce(sum(l.quantity_changed) FILTER (WHERE l.change_type = 'adjustment'), 0) AS "Adjusted",
          coalesce(-sum(l.quantity_changed) FILTER (WHERE l.change_type = 'consumption'), 0) AS "Consumed",
          coalesce(sum(l.quantity_changed) FILTER (WHERE l.change_type = 'increase' AND l.reference_type = 'order'), 0) AS "Restored",
          i.stock AS "Closing"
        FROM ingredients i LEFT JOIN stock_log l ON l.org_id = i.org_id AND l.ingredient_id = i.id
        GROUP BY i.org_id, i.id ORDER BY i.code
        """).ToListAsync(cancel));
}
