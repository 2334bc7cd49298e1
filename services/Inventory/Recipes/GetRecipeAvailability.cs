using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Inventory.Recipes;

/// <summary>Whether the stock at hand makes a number of pieces, one unless asked for more, and what is missing.</summary>
internal static class GetRecipeAvailability
{
    /// <param name="MaxPossibleQuantity">Whole pieces that the stock makes, were nothing else made of it; at most 10^12.</param>
    public sealed record AvailabilityResponse(
        Guid RecipeId, string Code, string Name, bool IsAvailable, decimal MaxPossibleQuantity, IReadOnlyList<MissingIngredient> Missing);

    /// <summary>Quantities in the ingredient's unit.</summary>
    public sealed record MissingIngredient(Guid IngredientId, string Code, decimal Required, decimal Available, decimal Shortage);

    private sealed record Row(Guid RecipeId, string Code, string Name, bool IsAvailable, decimal MaxPossibleQuantity, string Missing);

    public static async Task<Results<Ok<AvailabilityResponse>, NotFound>> Handle(Guid id, decimal? quantity, InventoryDb db, CancellationToken cancel) =>
        await Read(db, quantity, id, null, 1, cancel) is [var recipe] ? TypedResults.Ok(recipe) : TypedResults.NotFound();

    /// <summary>Of all recipes, in order of code.</summary>
    public static async Task<Page<AvailabilityResponse>> HandleList(
        decimal? quantity, int? limit, string? cursor, InventoryDb db, CancellationToken cancel)
    {
        var take = Paging.Limit(limit);
        return Paging.Cut(await Read(db, quantity, null, Paging.Decode<string>(cursor), take + 1, cancel), take, x => x.Code);
    }

    private static async Task<IReadOnlyList<AvailabilityResponse>> Read(
        InventoryDb db, decimal? quantity, Guid? id, string? afterCode, int limit, CancellationToken cancel)
    {
        var pieces = quantity ?? 1;
        if (pieces <= 0 || !QuantityAttribute.Fits(pieces))
        {
            throw new BadHttpRequestException($"quantity must be above 0, at most {QuantityAttribute.Max}, with at most {QuantityAttribute.Decimals} decimals.");
        }

        var rows = await db.Database.SqlQuery<Row>(
            $"""
            SELECT recipe_id AS "RecipeId", code AS "Code", name AS "Name", is_available AS "IsAvailable",
              max_possible_quantity AS "MaxPossibleQuantity", missing::text AS "Missing"
            FROM recipe_availability_for({pieces})
            WHERE ({id}::uuid IS NULL OR recipe_id = {id}::uuid) AND ({afterCode}::text IS NULL OR code > {afterCode}::text)
            ORDER BY code LIMIT {limit}
            """).ToListAsync(cancel);
        return
        [
            .. rows.Select(x => new AvailabilityResponse(
                x.RecipeId, x.Code, x.Name, x.IsAvailable, x.MaxPossibleQuantity, JsonSerializer.Deserialize<List<MissingIngredient>>(x.Missing, Json.Options)!)),
        ];
    }
}
