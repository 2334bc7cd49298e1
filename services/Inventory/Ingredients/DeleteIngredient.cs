using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace OpsPlatform.Inventory.Ingredients;

/// <summary>Removes an ingredient no recipe needs; its stock log stays.</summary>
internal static class DeleteIngredient
{
    public static async Task<Results<NoContent, NotFound, ProblemHttpResult>> Handle(Guid id, InventoryDb db, CancellationToken cancel)
    {
        try
        {
            return await db.Ingredients.Where(x => x.Id == id).ExecuteDeleteAsync(cancel) == 0 ? TypedResults.NotFound() : TypedResults.NoContent();
        }
        catch (PostgresException exception) when (exception.SqlState == PostgresErrorCodes.ForeignKeyViolation)
        {
            return Problems.IngredientInUse();
        }
    }
}
