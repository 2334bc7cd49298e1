using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Inventory.Recipes;

/// <summary>Removes a recipe no other contains; listeners hear that it is no longer available, its id stays taken and what it was stays in its versions.</summary>
internal static class DeleteRecipe
{
    public static async Task<Results<NoContent, NotFound, ProblemHttpResult>> Handle(Guid id, InventoryDb db, Caller caller, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await SaveRecipe.Lock(db, caller.Org, cancel);
        if (await IsPartOfAnother(id, db, cancel))
        {
            return Problems.RecipeInUse();
        }

        if (await Delete(id, db, cancel) == 0)
        {
            return TypedResults.NotFound();
        }

        db.MayFlipAvailability = true;
        await transaction.CommitAsync(cancel);
        return TypedResults.NoContent();
    }

    public static Task<bool> IsPartOfAnother(Guid id, InventoryDb db, CancellationToken cancel) =>
        db.Database.SqlQuery<bool>($"""SELECT EXISTS (SELECT FROM recipe_lines WHERE sub_recipe_id = {id}) AS "Value" """).SingleAsync(cancel);

    /// <returns>0 when there was none.</returns>
    public static Task<int> Delete(Guid id, InventoryDb db, CancellationToken cancel) => db.Database.ExecuteSqlAsync(
        $"""
        WITH gone AS (DELETE FROM recipes WHERE id = {id} RETURNING id)
        INSERT INTO deleted_recipes (id) SELECT id FROM gone
        """,
        cancel);
}
