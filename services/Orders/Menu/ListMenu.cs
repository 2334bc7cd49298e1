using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Orders.Menu;

/// <summary>The menu in order of code.</summary>
internal static class ListMenu
{
    public static async Task<Ok<Page<MenuItemView>>> Handle(int? limit, string? cursor, OrdersDb db, CancellationToken cancel)
    {
        var size = Paging.Limit(limit);
        var after = Paging.Decode<string>(cursor) ?? "";
        var items = await db.MenuItems.AsNoTracking()
            .Where(x => string.Compare(x.Code, after) > 0)
            .OrderBy(x => x.Code)
            .Take(size + 1)
            .ToListAsync(cancel);

        return TypedResults.Ok(Paging.Cut([.. items.Select(MenuItemView.Of)], size, x => x.Code));
    }
}
