using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Inventory.Stock;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Inventory.Ingredients;

/// <summary>Adds an ingredient or resale good with its opening stock; the same id with the same content again answers with what is stored.</summary>
internal static class CreateIngredient
{
    /// <param name="OpeningStock">In <paramref name="Unit"/>; the first entry of the ingredient's stock log.</param>
    /// <param name="UsageRate">Units per day; 0 when unknown.</param>
    /// <param name="UnitCostMinor">Minor currency units per unit, decimals allowed.</param>
    public sealed record CreateIngredientRequest(
        [Required, StringLength(64)] string Code,
        [Required, StringLength(200)] string Name,
        [Required, StringLength(200)] string Category,
        IngredientKind Kind,
        [Required, StringLength(16)] string Unit,
        [Quantity] decimal OpeningStock = 0,
        [Quantity] decimal ReorderPoint = 0,
        [Quantity] decimal? MaximumStock = null,
        [Quantity] decimal UsageRate = 0,
        [Quantity] decimal UnitCostMinor = 0,
        [StringLength(200)] string? Allergen = null,
        Guid? Id = null);

    public static async Task<Results<Created<IngredientResponse>, Ok<IngredientResponse>, ProblemHttpResult>> Handle(
        CreateIngredientRequest request, InventoryDb db, Caller caller, TimeProvider time, CancellationToken cancel)
    {
        var id = request.Id ?? Guid.CreateVersion7();
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await Codes.Lock(db, caller.Org, cancel);
        if (await db.Ingredients.AsNoTracking().SingleOrDefaultAsync(x => x.Id == id, cancel) is { } stored)
        {
            return await IsSame(stored, request, db, cancel) ? TypedResults.Ok(IngredientResponse.Of(stored)) : Problems.IdTaken(id);
        }

        // The id of a deleted ingredient stays taken by its log.
        if (await db.StockLog.AnyAsync(x => x.Id == id, cancel))
        {
            return Problems.IdTaken(id);
        }

        if (await db.Ingredients.AnyAsync(x => x.Code == request.Code, cancel))
        {
            return Problems.CodeTaken(request.Code);
        }

        var ingredient = new Ingredient
        {
            OrgId = caller.Org,
            Id = id,
            Code = request.Code,
            Name = request.Name,
            Category = request.Category,
            Kind = request.Kind,
            Unit = request.Unit,
            Stock = request.OpeningStock,
            ReorderPoint = request.ReorderPoint,
            MaximumStock = request.MaximumStock,
            UsageRate = request.UsageRate,
            UnitCostMinor = request.UnitCostMinor,
            Allergen = request.Allergen,
        };
        db.Ingredients.Add(ingredient);
        db.StockLog.Add(StockLogEntry.Opening(ingredient, caller.Actor, time));
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        return TypedResults.Created($"/ingredients/{id}", IngredientResponse.Of(ingredient));
    }

    private static async Task<bool> IsSame(Ingredient x, CreateIngredientRequest request, InventoryDb db, CancellationToken cancel)
    {
        var opening = await db.StockLog.Where(entry => entry.Id == x.Id).Select(entry => entry.QuantityAfter).SingleAsync(cancel);
        return request == new CreateIngredientRequest(
            x.Code, x.Name, x.Category, x.Kind, x.Unit, opening, x.ReorderPoint, x.MaximumStock, x.UsageRate, x.UnitCostMinor, x.Allergen, request.Id);
    }
}
