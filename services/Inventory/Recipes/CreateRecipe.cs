using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Inventory.Recipes;

/// <summary>Adds a recipe; the same id with the same content again answers with what is stored.</summary>
internal static class CreateRecipe
{
    /// <param name="YieldQuantity">How many pieces the lines make.</param>
    /// <param name="Lines">The same thing twice is added.</param>
    public sealed record CreateRecipeRequest(
        [Required, StringLength(64)] string Code,
        [Required, StringLength(200)] string Name,
        [Quantity(AboveZero = true)] decimal YieldQuantity,
        [Required, StringLength(16)] string YieldUnit,
        [Length(1, 200)] IReadOnlyList<RecipeLine> Lines,
        Guid? Id = null);

    public static async Task<Results<Created<RecipeResponse>, Ok<RecipeResponse>, ProblemHttpResult>> Handle(
        CreateRecipeRequest request, InventoryDb db, Caller caller, CancellationToken cancel)
    {
        var id = request.Id ?? Guid.CreateVersion7();
        var lines = RecipeLines.Merged(request.Lines);
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await SaveRecipe.Lock(db, caller.Org, cancel);
        if (await db.Recipes.AsNoTracking().SingleOrDefaultAsync(x => x.Id == id, cancel) is { } stored)
        {
            return IsSame(stored, request, lines) ? TypedResults.Ok(RecipeResponse.Of(stored)) : Problems.IdTaken(id);
        }

        if (await db.Database.SqlQuery<bool>($"SELECT EXISTS (SELECT FROM deleted_recipes WHERE id = {id}) AS \"Value\"").SingleAsync(cancel))
        {
            return Problems.IdTaken(id);
        }

        if (await db.Recipes.AnyAsync(x => x.Code == request.Code, cancel))
        {
            return Problems.CodeTaken(request.Code);
        }

        if (await SaveRecipe.Refusal(db, id, lines, cancel) is { } refusal)
        {
            return refusal;
        }

        var recipe = new Recipe
        {
            OrgId = caller.Org,
            Id = id,
            Code = request.Code,
            Name = request.Name,
            YieldQuantity = request.YieldQuantity,
            YieldUnit = request.YieldUnit,
            Lines = lines,
        };
        db.Recipes.Add(recipe);
        await db.SaveChangesAsync(cancel);
        if (await SaveRecipe.WriteLines(db, id, lines, cancel) is { } tooComplex)
        {
            return tooComplex;
        }

        db.MayFlipAvailability = true;
        await transaction.CommitAsync(cancel);
        return TypedResults.Created($"/recipes/{id}", RecipeResponse.Of(recipe));
    }

    private static bool IsSame(Recipe stored, CreateRecipeRequest request, IReadOnlyList<RecipeLine> lines) =>
        stored.Code == request.Code
        && stored.Name == request.Name
        && stored.YieldQuantity == request.YieldQuantity
        && stored.YieldUnit == request.YieldUnit
        && stored.Lines.SequenceEqual(lines);
}
