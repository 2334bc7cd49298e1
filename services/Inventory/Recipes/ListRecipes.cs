using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Inventory.Recipes;

/// <summary>In order of code.</summary>
internal static class ListRecipes
{
    public static async Task<Page<RecipeResponse>> Handle(int? limit, string? cursor, InventoryDb db, CancellationToken cancel)
    {
        var take = Paging.Limit(limit);
        var after = Paging.Decode<string>(cursor);
        var found = after is null ? db.Recipes : db.Recipes.Where(x => x.Code.CompareTo(after) > 0);
        var rows = await found.AsNoTracking().OrderBy(x => x.Code).Take(take + 1).ToListAsync(cancel);
        return Paging.Cut([.. rows.Select(RecipeResponse.Of)], take, x => x.Code);
    }
}
