using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using OpsPlatform.ServiceDefaults.Database;

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
        Guid id, UpdateIngredientRequest request, InventoryDb db, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        // Locked, so that the stock answered is the one that belongs to the row version answered.
        var found = await db.Ingredients.FromSql($"SELECT * FROM ingredients WHERE id = {id} FOR NO KEY UPDATE").ToListAsync(cancel);
        if (found is not [var ingredient])
        {
            return TypedResults.NotFound();
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
        try
        {
            await db.SaveChangesAsync(cancel);
        }
        catch (DbUpdateException exception) when (Faults.SqlState(exception) == PostgresErrorCodes.UniqueViolation)
        {
            return Problems.CodeTaken(request.Code);
        }

        await transaction.CommitAsync(cancel);
        return TypedResults.Ok(IngredientResponse.Of(ingredient));
    }
}
