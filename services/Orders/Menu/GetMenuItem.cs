using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.Orders.Menu;

internal static class GetMenuItem
{
    public static async Task<Results<Ok<MenuItemView>, NotFound>> Handle(Guid id, OrdersDb db, CancellationToken cancel) =>
        await db.MenuItems.AsNoTracking().FirstOrDefaultAsync(x => x.Id == id, cancel) is { } item
            ? TypedResults.Ok(MenuItemView.Of(item))
            : TypedResults.NotFound();
}
