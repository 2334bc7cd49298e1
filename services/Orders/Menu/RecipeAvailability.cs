using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.Orders.Menu;

internal static class RecipeAvailability
{
    /// <summary>False when the newest heard about the item's recipe is that it cannot be made; true while nothing was heard.</summary>
    public static async Task<bool> Of(OrdersDb db, MenuItemContent content, CancellationToken cancel) =>
        content.Kind != MenuKind.Recipe || await db.Database.SqlQuery<bool>(
            $"""
            SELECT NOT EXISTS (SELECT FROM recipe_availability WHERE recipe_id = {content.TargetId} AND NOT is_available) AS "Value"
            """).SingleAsync(cancel);
}
