using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Inventory.Recipes;

/// <summary>Replaces a recipe; what contains it needs the new ingredients from then on.</summary>
internal static class UpdateRecipe
{
    /// <param name="YieldQuantity">How many pieces the lines make.</param>
    /// <param name="Lines">The same thing twice is added.</param>
    public sealed record UpdateRecipeRequest(
        [Required, StringLength(64)] string Code,
        [Required, StringLength(200)] string Name,
        [Quantity(AboveZero = true)] decimal YieldQuantity,
        [Required, StringLength(16)] string YieldUnit,
        [Length(1, 200)] IReadOnlyList<RecipeLine> Lines);

    public static async Task<Results<Ok<RecipeResponse>, NotFound, ProblemHttpResult>> Handle(
        Guid id, UpdateRecipeRequest request, InventoryDb db, Caller caller, CancellationToken cancel)
    {
        var lines = RecipeLines.Merged(request.Lines);
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await SaveRecipe.Lock(db, caller.Org, cancel);
        if (await db.Recipes.SingleOrDefaultAsync(x => x.Id == id, cancel) is not { } recipe)
        {
            return TypedResults.NotFound();
        }

        if (await db.Recipes.AnyAsync(x => x.Code == request.Code && x.Id != id, cancel))
        {
            return Problems.CodeTaken(request.Code);
        }

        if (await SaveRecipe.Refusal(db, id, lines, cancel) is { } refusal)
        {
            return refusal;
        }

        recipe.Code = request.Code;
        recipe.Name = request.Name;
        recipe.YieldQuantity = request.YieldQuantity;
        recipe.YieldUnit = request.YieldUnit;
        recipe.Lines = lines;
        await db.SaveChangesAsync(cancel);
        if (await SaveRecipe.WriteLines(db, id, lines, cancel) is { } tooComplex)
        {
            return tooComplex;
        }

        db.MayFlipAvailability = true;
        await transaction.CommitAsync(cancel);
        return TypedResults.Ok(RecipeResponse.Of(recipe));
    }
}
