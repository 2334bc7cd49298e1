using OpsPlatform.Contracts;
using OpsPlatform.Inventory.Recipes;

namespace OpsPlatform.Inventory.Stock;

/// <summary>What one order takes from stock, per ingredient, or why it can take nothing.</summary>
/// <param name="Quantities">Summed exactly over all lines and only then rounded; zero after rounding is left out.</param>
internal sealed record OrderDemand(IReadOnlyList<IngredientQuantity> Quantities, IReadOnlyList<RejectionReason> Reasons)
{
    public const string Recipe = "recipe";
    public const string Resale = "resale";

    public static OrderDemand Of(IReadOnlyList<StockDemand> lines, RecipeLeaves leaves, LockedStock stock)
    {
        var needed = new Dictionary<Guid, Fraction>();
        var reasons = new List<RejectionReason>();
        foreach (var line in lines)
        {
            var unknown = line switch
            {
                { Quantity: <= 0 } => "invalid_quantity",
                { Kind: Recipe } => AddRecipe(line, leaves, stock, needed) ? null : "unknown_recipe",
                { Kind: Resale } => Add(needed, line.TargetId, Fraction.Of(line.Quantity), stock) ? null : "unknown_ingredient",
                _ => "unknown_kind",
            };
            if (unknown is not null)
            {
                reasons.Add(new(unknown, line.Kind == Resale ? line.TargetId : null));
            }
        }

        return reasons.Count > 0
            ? new([], [.. reasons.Distinct()])
            : new([.. needed.Select(x => Priced(stock.Find(x.Key)!, x.Value.Rounded())).Where(x => x.Quantity > 0)], []);
    }

    /// <returns>One reason per ingredient that falls short as things stand; none when all of it can be taken.</returns>
    public IReadOnlyList<RejectionReason> Shortages(LockedStock stock) =>
    [
        .. Quantities.Select(x => (Item: stock.Find(x.IngredientId)!, x.Quantity))
            .Where(x => x.Quantity > x.Item.Stock)
            .OrderBy(x => x.Item.Code, StringComparer.Ordinal)
            .Select(x => new RejectionReason("out_of_stock", x.Item.Id, x.Item.Name, x.Quantity, x.Item.Stock, x.Quantity - x.Item.Stock)),
    ];

    private static IngredientQuantity Priced(LockedStock.Item item, decimal quantity) => new(item.Id, quantity, item.UnitCostMinor, item.Unit, item.Name);

    private static bool AddRecipe(StockDemand line, RecipeLeaves leaves, LockedStock stock, Dictionary<Guid, Fraction> needed) =>
        leaves.Find(line.TargetId) is { } recipe
        && recipe.All(leaf => Add(needed, leaf.IngredientId, leaf.PerPiece * Fraction.Of(line.Quantity), stock));

    private static bool Add(Dictionary<Guid, Fraction> needed, Guid ingredient, Fraction quantity, LockedStock stock)
    {
        needed[ingredient] = needed.TryGetValue(ingredient, out var before) ? before + quantity : quantity;
        return stock.Find(ingredient) is not null;
    }
}
