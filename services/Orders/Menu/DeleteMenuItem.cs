using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.Orders.Menu;

/// <summary>Takes an item off the menu; orders that hold it keep its name and price, and its id stays taken.</summary>
internal static class DeleteMenuItem
{
    public static async Task<Results<NoContent, NotFound>> Handle(Guid id, OrdersDb db, CancellationToken cancel)
    {
        var deleted = await db.Database.ExecuteSqlAsync(
            $"""
            WITH gone AS (DELETE FROM menu_items WHERE id = {id} RETURNING id)
            INSERT INTO deleted_menu_items (id) SELECT id FROM gone
            """,
            cancel);
        return deleted == 1 ? TypedResults.NoContent() : TypedResults.NotFound();
    }
}
