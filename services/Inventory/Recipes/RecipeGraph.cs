using Npgsql;

namespace OpsPlatform.Inventory.Recipes;

/// <summary>Which recipe contains which, over one organisation, with one recipe's lines as they are about to be.</summary>
internal sealed class RecipeGraph
{
    /// <summary>Recipes in a chain, the outermost and the innermost included.</summary>
    public const int MaxDepth = 8;

    private const string EdgesSql = "SELECT DISTINCT recipe_id, sub_recipe_id FROM recipe_lines WHERE sub_recipe_id IS NOT NULL AND recipe_id <> $1";

    private readonly Guid _root;
    private readonly ILookup<Guid, Guid> _children;
    private readonly ILookup<Guid, Guid> _parents;

    private RecipeGraph(Guid root, List<(Guid Parent, Guid Child)> edges)
    {
        _root = root;
        _children = edges.ToLookup(x => x.Parent, x => x.Child);
        _parents = edges.ToLookup(x => x.Child, x => x.Parent);
    }

    public static async Task<RecipeGraph> Load(NpgsqlConnection connection, Guid recipe, IReadOnlyList<RecipeLine> lines, CancellationToken cancel)
    {
        List<(Guid, Guid)> edges = [.. lines.Where(line => line.RecipeId is not null).Select(line => (recipe, line.RecipeId!.Value))];
        await using var command = new NpgsqlCommand(EdgesSql, connection) { Parameters = { new() { Value = recipe } } };
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            edges.Add((row.GetGuid(0), row.GetGuid(1)));
        }

        return new(recipe, edges);
    }

    /// <summary>True when the recipe contains itself. What is stored has no cycle, so a new one goes through it.</summary>
    public bool HasCycle()
    {
        HashSet<Guid> seen = [];
        Stack<Guid> open = new(_children[_root]);
        while (open.TryPop(out var recipe))
        {
            if (recipe == _root)
            {
                return true;
            }

            if (seen.Add(recipe))
            {
                foreach (var child in _children[recipe])
                {
                    open.Push(child);
                }
            }
        }

        return false;
    }

    /// <summary>The longest chain through the recipe. Only without a cycle.</summary>
    public int Depth() => Longest(_root, _children, []) + Longest(_root, _parents, []) - 1;

    /// <summary>The recipe and all that contain it, each after those it contains. Only without a cycle.</summary>
    public IReadOnlyList<Guid> Affected()
    {
        Dictionary<Guid, int> heights = [];
        HashSet<Guid> affected = [_root];
        Queue<Guid> open = new([_root]);
        while (open.TryDequeue(out var recipe))
        {
            foreach (var parent in _parents[recipe].Where(affected.Add))
            {
                open.Enqueue(parent);
            }
        }

        return [.. affected.OrderBy(recipe => Longest(recipe, _children, heights))];
    }

    private static int Longest(Guid recipe, ILookup<Guid, Guid> next, Dictionary<Guid, int> known)
    {
        if (!known.TryGetValue(recipe, out var longest))
        {
            known[recipe] = longest = 1 + next[recipe].Select(child => Longest(child, next, known)).DefaultIfEmpty(0).Max();
        }

        return longest;
    }
}
