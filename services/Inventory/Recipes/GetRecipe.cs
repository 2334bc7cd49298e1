using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.Inventory.Recipes;

internal static class GetRecipe
{
    public static async Task<Results<Ok<RecipeResponse>, NotFound>> Handle(Guid id, InventoryDb db, CancellationToken cancel) =>
        await db.Recipes.AsNoTracking().SingleOrDefaultAsync(x => x.Id == id, cancel) is { } recipe
            ? TypedResults.Ok(RecipeResponse.Of(recipe))
            : TypedResults.NotFound();
}
