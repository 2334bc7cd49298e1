using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Npgsql;
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

    private const string Columns = """
        SELECT recipe_id AS "RecipeId", code AS "Code", name AS "Name", is_available AS "IsAvailable",
          max_possible_quantity AS "MaxPossibleQuantity", missing::text AS "Missing"
        FROM recipe_availability_for(@pieces)
        """;

    // The page is chosen by the recipes' own index before anything is reckoned: what is not shown is not read.
    private const string PageSql = $"""
        {Columns}
        WHERE recipe_id = ANY(ARRAY(SELECT id FROM recipes WHERE code > @after ORDER BY code LIMIT @limit))
        ORDER BY code
        """;

    private const string OneSql = $"{Columns} WHERE recipe_id = @id";

    public static async Task<Results<Ok<AvailabilityResponse>, NotFound>> Handle(Guid id, decimal? quantity, InventoryDb db, CancellationToken cancel) =>
        await Read(db, OneSql, quantity, cancel, new NpgsqlParameter("id", id)) is [var recipe] ? TypedResults.Ok(recipe) : TypedResults.NotFound();

    /// <summary>Of all recipes, in order of code.</summary>
    public static async Task<Page<AvailabilityResponse>> HandleList(
        decimal? quantity, int? limit, string? cursor, InventoryDb db, CancellationToken cancel)
    {
        var take = Paging.Limit(limit);
        var rows = await Read(db, PageSql, quantity, cancel, new NpgsqlParameter("after", Paging.Decode<string>(cursor) ?? ""), new NpgsqlParameter("limit", take + 1));
        return Paging.Cut(rows, take, x => x.Code);
    }

    private static async Task<IReadOnlyList<AvailabilityResponse>> Read(
        InventoryDb db, string sql, decimal? quantity, CancellationToken cancel, params NpgsqlParameter[] parameters)
    {
        var pieces = quantity ?? 1;
        if (pieces <= 0 || !QuantityAttribute.Fits(pieces))
        {
            throw new BadHttpRequestException($"quantity must be above 0, at most {QuantityAttribute.Max}, with at most {QuantityAttribute.Decimals} decimals.");
        }

        var rows = await db.Database.SqlQueryRaw<Row>(sql, [new NpgsqlParameter("pieces", pieces), .. parameters]).ToListAsync(cancel);
        return
        [
            .. rows.Select(x => new AvailabilityResponse(
                x.RecipeId, x.Code, x.Name, x.IsAvailable, x.MaxPossibleQuantity, JsonSerializer.Deserialize<List<MissingIngredient>>(x.Missing, Json.Options)!)),
        ];
    }
}
