using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.Inventory.Ingredients;

internal static class GetIngredient
{
    public static async Task<Results<Ok<IngredientResponse>, NotFound>> Handle(Guid id, InventoryDb db, CancellationToken cancel) =>
        await db.Ingredients.AsNoTracking().SingleOrDefaultAsync(x => x.Id == id, cancel) is { } ingredient
            ? TypedResults.Ok(IngredientResponse.Of(ingredient))
            : TypedResults.NotFound();
}
