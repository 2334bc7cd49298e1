using OpsPlatform.Replay.Pack;

namespace OpsPlatform.Replay.Recompute;

/// <summary>
/// What sales take from stock, from the pack's files alone and in exact fractions:
/// quantity x pieces per sale x grams / yield, summed per order, rounded once per order and ingredient
/// to six decimals, half away from zero.
/// </summary>
internal sealed class Consumption
{
    private const int Places = 6;

    private readonly Dictionary<string, Item> items;
    private readonly Dictionary<string, Dictionary<string, Rational>> perSale = [];

    public Consumption(BakeryPack pack)
    {
        items = pack.Items.ToDictionary();
        var perPiece = new Dictionary<string, Dictionary<string, Rational>>();

        // The pack lists components before what contains them.
        foreach (var recipe in pack.Recipes)
        {
            var grams = new Dictionary<string, Rational>();

            foreach (var part in recipe.Ingredients)
            {
                AddTo(grams, part.Id, part.Quantity);
            }

            foreach (var component in recipe.Components)
            {
                foreach (var (ingredient, quantity) in perPiece[component.Id])
                {
                    AddTo(grams, ingredient, quantity * component.Quantity);
                }
            }

            perPiece[recipe.Id] = grams.ToDictionary(g => g.Key, g => g.Value / recipe.YieldQuantity);
        }

        foreach (var item in pack.Items.Values)
        {
            perSale[item.Name] = item.Kind switch
            {
                ItemKind.Recipe => perPiece[item.TargetId!].ToDictionary(g => g.Key, g => g.Value * item.PiecesPerSale),
                ItemKind.Resale => new() { [item.TargetId!] = item.PiecesPerSale },
                _ => [],
            };
        }
    }

    /// <summary>Per ingredient id, in its unit, for one order.</summary>
    public Dictionary<string, decimal> OfOrder(IEnumerable<(string Item, int Quantity)> lines)
    {
        var sums = new Dictionary<string, Rational>();

        foreach (var (item, quantity) in lines)
        {
            foreach (var (ingredient, perOne) in perSale[item])
            {
                AddTo(sums, ingredient, perOne * quantity);
            }
        }

        return sums.ToDictionary(s => s.Key, s => s.Value.Round(Places));
    }

    /// <summary>Pence of one order; excluded items are not sold and cost nothing.</summary>
    public long Revenue(IEnumerable<(string Item, int Quantity)> lines) =>
        lines.Where(line => items[line.Item].Kind != ItemKind.Exclude).Sum(line => items[line.Item].PriceMinor * line.Quantity);

    /// <summary>Sums the orders' consumption per ingredient.</summary>
    public static Dictionary<string, decimal> Sum(IEnumerable<Dictionary<string, decimal>> orders)
    {
        var sums = new Dictionary<string, decimal>();

        foreach (var (ingredient, quantity) in orders.SelectMany(order => order))
        {
            sums[ingredient] = sums.GetValueOrDefault(ingredient) + quantity;
        }

        return sums;
    }

    private static void AddTo(Dictionary<string, Rational> sums, string id, Rational quantity) =>
        sums[id] = sums.GetValueOrDefault(id) + quantity;
}
