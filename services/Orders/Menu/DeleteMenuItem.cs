using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.Orders.Menu;

/// <summary>Takes an item off the menu; orders that hold it keep its name and price.</summary>
internal static class DeleteMenuItem
{
    public static async Task<Results<NoContent, NotFound>> Handle(Guid id, OrdersDb db, CancellationToken cancel) =>
        await db.MenuItems.Where(x => x.Id == id).ExecuteDeleteAsync(cancel) == 1 ? TypedResults.NoContent() : TypedResults.NotFound();
}
