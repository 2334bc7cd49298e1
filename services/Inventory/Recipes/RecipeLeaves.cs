using System.Numerics;
using Npgsql;
using NpgsqlTypes;

namespace OpsPlatform.Inventory.Recipes;

/// <summary>What one yield piece needs of one ingredient, nested recipes resolved.</summary>
internal readonly record struct RecipeLeaf(Guid IngredientId, Fraction PerPiece);

/// <summary>The leaves of some recipes, as kept in recipe_leaves since the recipe or one it contains was last saved.</summary>
internal sealed class RecipeLeaves
{
    private const string ReadSql = "SELECT recipe_id, ingredient_id, numerator, denominator FROM recipe_leaves WHERE recipe_id = ANY($1)";

    private const string DeleteSql = "DELETE FROM recipe_leaves WHERE recipe_id = ANY($1)";

    private const string InsertSql = """
        INSERT INTO recipe_leaves (recipe_id, ingredient_id, numerator, denominator)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::numeric[], $4::numeric[])
        """;

    private readonly Dictionary<Guid, List<RecipeLeaf>> _byRecipe = [];

    private RecipeLeaves()
    {
    }

    /// <returns>Null when there is no such recipe in the organisation: each has at least one leaf.</returns>
    public IReadOnlyList<RecipeLeaf>? Find(Guid recipe) => _byRecipe.GetValueOrDefault(recipe);

    public IEnumerable<Guid> Ingredients(IEnumerable<Guid> recipes) =>
        recipes.SelectMany(recipe => Find(recipe) ?? []).Select(leaf => leaf.IngredientId);

    public static NpgsqlBatchCommand Read(Guid[] recipes) => new(ReadSql) { Parameters = { new() { Value = recipes } } };

    /// <summary>Reads the result of <see cref="Read"/>.</summary>
    public static async Task<RecipeLeaves> Of(NpgsqlDataReader row, CancellationToken cancel)
    {
        var leaves = new RecipeLeaves();
        while (await row.ReadAsync(cancel))
        {
            var recipe = row.GetGuid(0);
            if (!leaves._byRecipe.TryGetValue(recipe, out var list))
            {
                leaves._byRecipe[recipe] = list = [];
            }

            list.Add(new(row.GetGuid(1), new(row.GetFieldValue<BigInteger>(2), row.GetFieldValue<BigInteger>(3))));
        }

        return leaves;
    }

    public static async Task Replace(NpgsqlConnection connection, IReadOnlyDictionary<Guid, IReadOnlyList<RecipeLeaf>> byRecipe, CancellationToken cancel)
    {
        (Guid Recipe, RecipeLeaf Leaf)[] rows = [.. byRecipe.SelectMany(recipe => recipe.Value.Select(leaf => (recipe.Key, leaf)))];
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new(DeleteSql) { Parameters = { new() { Value = byRecipe.Keys.ToArray() } } },
                new(InsertSql)
                {
                    Parameters =
                    {
                        new() { Value = rows.Select(x => x.Recipe).ToArray() },
                        new() { Value = rows.Select(x => x.Leaf.IngredientId).ToArray() },
                        new() { Value = rows.Select(x => x.Leaf.PerPiece.Numerator).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Numeric },
                        new() { Value = rows.Select(x => x.Leaf.PerPiece.Denominator).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Numeric },
                    },
                },
            },
        };
        await batch.ExecuteNonQueryAsync(cancel);
    }
}
