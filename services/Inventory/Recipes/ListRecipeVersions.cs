using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Inventory.Recipes;

/// <summary>What a recipe was before, the latest first; also of one that was deleted since.</summary>
internal static class ListRecipeVersions
{
    public sealed record RecipeVersionView(
        long RowVersion, string Code, string Name, decimal YieldQuantity, string YieldUnit, IReadOnlyList<RecipeLine> Lines, DateTimeOffset ValidFrom, DateTimeOffset ValidUntil);

    public static async Task<Results<Ok<Page<RecipeVersionView>>, NotFound>> Handle(Guid id, int? limit, string? cursor, InventoryDb db, CancellationToken cancel)
    {
        var size = Paging.Limit(limit);
        var versions = db.RecipeVersions.AsNoTracking().Where(x => x.RecipeId == id);
        if (Paging.Decode<long?>(cursor) is { } before)
        {
            versions = versions.Where(x => x.RowVersion < before);
        }

        var page = await versions.OrderByDescending(x => x.RowVersion).Take(size + 1).ToListAsync(cancel);
        return page.Count == 0 && !await db.Recipes.AnyAsync(x => x.Id == id, cancel)
            ? TypedResults.NotFound()
            : TypedResults.Ok(Paging.Cut(
                [.. page.Select(x => new RecipeVersionView(x.RowVersion, x.Code, x.Name, x.YieldQuantity, x.YieldUnit, x.Lines, x.ValidFrom, x.ValidUntil))], size, x => x.RowVersion));
    }
}
