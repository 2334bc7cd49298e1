using System.Numerics;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;

namespace OpsPlatform.Inventory.Recipes;

/// <summary>
/// What creating, changing and deleting a recipe share: one of them at a time per organisation, so that the graph stays
/// free of cycles and every recipe's leaves stay true.
/// </summary>
internal static class SaveRecipe
{
    /// <summary>Exact fractions grow with every odd yield in the chain; real recipes stay below 200 bits.</summary>
    private const int MaxFractionBits = 4096;

    private const string ReplaceLinesSql = """
        INSERT INTO recipe_lines (recipe_id, position, ingredient_id, sub_recipe_id, quantity)
        SELECT $1, n, ingredient_id, sub_recipe_id, quantity
        FROM unnest($2::uuid[], $3::uuid[], $4::numeric[]) WITH ORDINALITY AS u(ingredient_id, sub_recipe_id, quantity, n)
        """;

    /// <summary>Call first in the transaction; ends with it.</summary>
    public static Task Lock(InventoryDb db, Guid org, CancellationToken cancel) =>
        db.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock(hashtextextended({"recipes " + org}, 0))", cancel);

    /// <returns>Why these lines cannot be the recipe's; null when they can. What they name is held until the transaction ends.</returns>
    public static async Task<ProblemHttpResult?> Refusal(InventoryDb db, Guid recipe, IReadOnlyList<RecipeLine> lines, CancellationToken cancel)
    {
        Guid[] ingredients = [.. lines.Select(line => line.IngredientId).OfType<Guid>()];
        Guid[] recipes = [.. lines.Select(line => line.RecipeId).OfType<Guid>().Where(id => id != recipe)];
        var known = await db.Database.SqlQuery<Guid>(
            $"""SELECT id AS "Value" FROM ingredients WHERE id = ANY({ingredients}) ORDER BY id FOR KEY SHARE""").ToListAsync(cancel);
        known.AddRange(await db.Recipes.Where(x => recipes.Contains(x.Id)).Select(x => x.Id).ToListAsync(cancel));
        if (ingredients.Concat(recipes).Except(known).ToArray() is { Length: > 0 } unknown)
        {
            return Problems.UnknownReference(unknown);
        }

        var graph = await RecipeGraph.Load(db.Connection, recipe, lines, cancel);
        return graph.HasCycle() ? Problems.RecipeCycle()
            : graph.Depth() > RecipeGraph.MaxDepth ? Problems.RecipeTooDeep(RecipeGraph.MaxDepth)
            : null;
    }

    /// <summary>Writes the recipe's lines, and the leaves of it and of all recipes that contain it. The recipe itself must be saved before.</summary>
    /// <returns>Why the leaves cannot be kept; then the transaction must not commit.</returns>
    public static async Task<ProblemHttpResult?> WriteLines(InventoryDb db, Guid recipe, IReadOnlyList<RecipeLine> lines, CancellationToken cancel)
    {
        await using (var batch = new NpgsqlBatch(db.Connection)
        {
            BatchCommands =
            {
                new("DELETE FROM recipe_lines WHERE recipe_id = $1") { Parameters = { new() { Value = recipe } } },
                new(ReplaceLinesSql)
                {
                    Parameters =
                    {
                        new() { Value = recipe },
                        new() { Value = lines.Select(line => line.IngredientId).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid },
                        new() { Value = lines.Select(line => line.RecipeId).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid },
                        new() { Value = lines.Select(line => line.Quantity).ToArray() },
                    },
                },
            },
        })
        {
            await batch.ExecuteNonQueryAsync(cancel);
        }

        var leaves = await Leaves(db, (await RecipeGraph.Load(db.Connection, recipe, lines, cancel)).Affected(), cancel);
        if (leaves.Values.SelectMany(x => x).Any(x =>
            Bits(x.PerPiece.Numerator) > MaxFractionBits || Bits(x.PerPiece.Denominator) > MaxFractionBits || x.PerPiece.Rounded() > QuantityAttribute.Max))
        {
            return Problems.RecipeTooComplex();
        }

        await RecipeLeaves.Replace(db.Connection, leaves, cancel);
        return null;
    }

    private static async Task<Dictionary<Guid, IReadOnlyList<RecipeLeaf>>> Leaves(InventoryDb db, IReadOnlyList<Guid> affected, CancellationToken cancel)
    {
        var recipes = await db.Recipes.AsNoTracking().Where(x => affected.Contains(x.Id))
            .Select(x => new { x.Id, x.YieldQuantity, x.Lines }).ToDictionaryAsync(x => x.Id, cancel);
        Guid[] contained = [.. recipes.Values.SelectMany(x => x.Lines).Select(line => line.RecipeId).OfType<Guid>().Distinct().Except(affected)];
        await using var batch = new NpgsqlBatch(db.Connection) { BatchCommands = { RecipeLeaves.Read(contained) } };
        await using var row = await batch.ExecuteReaderAsync(cancel);
        var stored = await RecipeLeaves.Of(row, cancel);
        Dictionary<Guid, IReadOnlyList<RecipeLeaf>> leaves = [];
        foreach (var id in affected)
        {
            var perYield = Fraction.Of(1) / Fraction.Of(recipes[id].YieldQuantity);
            leaves[id] =
            [
                .. recipes[id].Lines
                    .SelectMany(line => line.RecipeId is { } sub
                        ? (leaves.GetValueOrDefault(sub) ?? stored.Find(sub)!).Select(leaf => leaf with { PerPiece = leaf.PerPiece * Fraction.Of(line.Quantity) })
                        : [new RecipeLeaf(line.IngredientId!.Value, Fraction.Of(line.Quantity))])
                    .GroupBy(leaf => leaf.IngredientId, leaf => leaf.PerPiece)
                    .Select(same => new RecipeLeaf(same.Key, same.Aggregate((a, b) => a + b) * perYield)),
            ];
        }

        return leaves;
    }

    private static long Bits(BigInteger value) => value.GetBitLength();
}
