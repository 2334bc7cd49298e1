using OpsPlatform.Replay.Gateway;
using OpsPlatform.Replay.Pack;

namespace OpsPlatform.Replay.Reconcile;

/// <summary>One ingredient's stock from opening to closing, in its unit.</summary>
/// <param name="OtherChange">Purchases, corrections and the like: what neither orders nor cancellations did.</param>
internal sealed record StockLine(
    string Id, string Unit, decimal Opening, decimal Consumed, decimal Restored, decimal OtherChange, decimal Closing, decimal Recomputed);

/// <summary>Compares the stock log's sums with the stock rows and with the consumption recomputed from the pack.</summary>
internal static class CheckStock
{
    public static List<StockLine> Run(
        Guid organisationId,
        BakeryPack pack,
        IReadOnlyDictionary<string, decimal> opening,
        IReadOnlyDictionary<string, decimal> recomputed,
        IReadOnlyList<StockTotals> totals,
        IReadOnlyList<StockRow> rows,
        Mismatches mismatches)
    {
        var stock = rows.ToDictionary(row => row.Id, row => row.Stock);
        var totalsById = totals.ToDictionary(total => total.IngredientId);
        var lines = new List<StockLine>();

        foreach (var total in totals)
        {
            var counted = total.Opening - total.Consumed + total.Restored + OtherChange(total);
            mismatches.Compare($"{total.Code}: opening - consumed + restored + other changes and closing", counted, total.Closing);

            if (stock.TryGetValue(total.IngredientId, out var inRow))
            {
                mismatches.Compare($"{total.Code}: closing by the log and the ingredient's stock", total.Closing, inRow);
            }
            else
            {
                mismatches.Add($"{total.Code}: the totals list it, /ingredients does not");
            }

            if (total.Closing < 0)
            {
                mismatches.Add($"{total.Code}: the stock is below zero ({total.Closing})");
            }
        }

        foreach (var ingredient in pack.Ingredients.Values)
        {
            if (!totalsById.TryGetValue(StableId.Ingredient(organisationId, ingredient.Id), out var total))
            {
                mismatches.Add($"{ingredient.Id}: missing in /inventory/totals");
                continue;
            }

            var expected = recomputed.GetValueOrDefault(ingredient.Id);
            mismatches.Compare($"{ingredient.Id}: opening stock", opening[ingredient.Id], total.Opening);
            mismatches.Compare($"{ingredient.Id}: consumption in {ingredient.Unit}, recomputed and in stock", expected, total.Consumed - total.Restored);
            lines.Add(new StockLine(
                ingredient.Id, ingredient.Unit, total.Opening, total.Consumed, total.Restored, OtherChange(total), total.Closing, expected));
        }

        return lines;
    }

    // The log's sums of decreases are amounts, those of adjustments differences.
    private static decimal OtherChange(StockTotals total) => total.Increased - total.Decreased + total.Adjusted;
}
