using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Inventory.Ingredients;

/// <summary>Changes what is known of an ingredient; stock moves only through the stock log.</summary>
internal static class UpdateIngredient
{
    public sealed record UpdateIngredientRequest(
        [Required, StringLength(64)] string Code,
        [Required, StringLength(200)] string Name,
        [Required, StringLength(200)] string Category,
        IngredientKind Kind,
        [Required, StringLength(16)] string Unit,
        [Quantity] decimal ReorderPoint = 0,
        [Quantity] decimal? MaximumStock = null,
        [Quantity] decimal UsageRate = 0,
        [Quantity] decimal UnitCostMinor = 0,
        [StringLength(200)] string? Allergen = null);

    public static async Task<Results<Ok<IngredientResponse>, NotFound, ProblemHttpResult>> Handle(
        Guid id, UpdateIngredientRequest request, InventoryDb db, Caller caller, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await Codes.Lock(db, caller.Org, cancel);
        // Locked, so that the stock answered is the one that belongs to the row version answered.
        var found = await db.Ingredients.FromSql($"SELECT * FROM ingredients WHERE id = {id} FOR NO KEY UPDATE").ToListAsync(cancel);
        if (found is not [var ingredient])
        {
            return TypedResults.NotFound();
        }

        if (await db.Ingredients.AnyAsync(x => x.Code == request.Code && x.Id != id, cancel))
        {
            return Problems.CodeTaken(request.Code);
        }

        ingredient.Code = request.Code;
        ingredient.Name = request.Name;
        ingredient.Category = request.Category;
        ingredient.Kind = request.Kind;
        ingredient.Unit = request.Unit;
        ingredient.ReorderPoint = request.ReorderPoint;
        ingredient.MaximumStock = request.MaximumStock;
        ingredient.UsageRate = request.UsageRate;
        ingredient.UnitCostMinor = request.UnitCostMinor;
        ingredient.Allergen = request.Allergen;
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        return TypedResults.Ok(IngredientResponse.Of(ingredient));
    }
}
