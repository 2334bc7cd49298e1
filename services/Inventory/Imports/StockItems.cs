using System.Linq.Expressions;
using OpsPlatform.Inventory.Ingredients;
using OpsPlatform.Inventory.Stock;

namespace OpsPlatform.Inventory.Imports;

internal static class StockItems
{
    /// <summary>As they are now, for a preview that holds nobody up.</summary>
    public static Expression<Func<Ingredient, LockedStock.Item>> Unlocked { get; } =
        x => new LockedStock.Item(x.Id, x.Code, x.Name, x.Unit, x.Stock, x.ReorderPoint, x.UnitCostMinor);
}
