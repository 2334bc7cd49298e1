using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.Inventory.Ingredients;

/// <summary>Removes an ingredient no recipe needs; its stock log stays. A recipe that comes to need it meanwhile wins by its foreign key.</summary>
internal static class DeleteIngredient
{
    public static async Task<Results<NoContent, NotFound, ProblemHttpResult>> Handle(Guid id, InventoryDb db, CancellationToken cancel)
    {
        if (await db.Database.SqlQuery<bool>($"""SELECT EXISTS (SELECT FROM recipe_lines WHERE ingredient_id = {id}) AS "Value" """).SingleAsync(cancel))
        {
            return Problems.IngredientInUse();
        }

        return await db.Ingredients.Where(x => x.Id == id).ExecuteDeleteAsync(cancel) == 0 ? TypedResults.NotFound() : TypedResults.NoContent();
    }
}
