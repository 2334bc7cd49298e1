using System.Net;
using OpsPlatform.Replay.Gateway;
using OpsPlatform.Replay.Pack;

namespace OpsPlatform.Replay.Play;

/// <summary>Makes the pack's ingredients, recipes and menu in the organisation. What is there already stays as it is.</summary>
internal sealed class LoadPack(GatewayClient client, Guid organisationId, BakeryPack pack, int parallel)
{
    private const int LargestUsageDecimals = 3;

    /// <param name="opening">Units per ingredient id.</param>
    /// <param name="need">What all tickets take, per ingredient id.</param>
    /// <param name="days">The length of the sales, for the usage per day.</param>
    public async Task Run(
        IReadOnlyDictionary<string, decimal> opening, IReadOnlyDictionary<string, decimal> need, int days, Func<int, Progress> start, CancellationToken cancel)
    {
        var progress = start(pack.Ingredients.Count + pack.Recipes.Count + pack.Items.Values.Count(item => item.Kind != ItemKind.Exclude));

        await Each(pack.Ingredients.Values, ingredient => Create("ingredients", ingredient.Id, new
        {
            Id = StableId.Ingredient(organisationId, ingredient.Id),
            Code = ingredient.Id,
            ingredient.Name,
            ingredient.Category,
            Kind = ingredient.IsResale ? "resale" : "ingredient",
            ingredient.Unit,
            OpeningStock = opening[ingredient.Id],
            ReorderPoint = decimal.Floor(opening[ingredient.Id] / 10),
            MaximumStock = (decimal?)null,
            UsageRate = decimal.Round(need.GetValueOrDefault(ingredient.Id) / days, LargestUsageDecimals),
            ingredient.UnitCostMinor,
            ingredient.Allergen,
        }));

        // A recipe must exist before the one that contains it, so levels go one after the other.
        foreach (var level in Levels())
        {
            await Each(level, recipe => Create("recipes", recipe.Id, new
            {
                Id = StableId.Recipe(organisationId, recipe.Id),
                Code = recipe.Id,
                recipe.Name,
                recipe.YieldQuantity,
                recipe.YieldUnit,
                Lines = recipe.Ingredients
                    .Select(part => (object)new { IngredientId = StableId.Ingredient(organisationId, part.Id), part.Quantity })
                    .Concat(recipe.Components.Select(part => new { RecipeId = StableId.Recipe(organisationId, part.Id), part.Quantity })),
            }));
        }

        await Each(pack.Items.Values.Where(item => item.Kind != ItemKind.Exclude), item => Create("menu", item.Code, new
        {
            Id = StableId.MenuItem(organisationId, item.Code),
            item.Code,
            Name = item.Name.Trim(),
            Kind = item.Kind switch { ItemKind.Recipe => "recipe", ItemKind.Resale => "resale", _ => "service" },
            TargetId = item.Kind switch
            {
                ItemKind.Recipe => StableId.Recipe(organisationId, item.TargetId!),
                ItemKind.Resale => StableId.Ingredient(organisationId, item.TargetId!),
                _ => (Guid?)null,
            },
            // Services take no stock; the menu wants a number above zero all the same.
            PiecesPerSale = item.Kind == ItemKind.Service ? 1 : item.PiecesPerSale,
            item.PriceMinor,
            BakeryPack.Currency,
            item.TaxClass,
        }));

        progress.Finish();

        Task Each<T>(IEnumerable<T> things, Func<T, Task> create) =>
            Parallel.ForEachAsync(things, new ParallelOptions { MaxDegreeOfParallelism = parallel, CancellationToken = cancel }, async (thing, _) =>
            {
                await create(thing);
                progress.Add();
            });

        async Task Create(string path, string code, object body)
        {
            var answer = await client.Post(path, body, cancel);

            if (answer is { Status: HttpStatusCode.Conflict, Slug: "id-taken" or "code-taken" })
            {
                throw new InputException(
                    $"{path} '{code}' is in this organisation already and differs from the pack ({answer.Slug}): another pack or --stock was loaded, "
                    + "or it was edited since. Use --register NAME for a fresh organisation.");
            }

            if (!answer.IsSuccess)
            {
                throw answer.Failure($"{path} '{code}'");
            }
        }
    }

    private IEnumerable<List<Recipe>> Levels()
    {
        var level = new Dictionary<string, int>();

        foreach (var recipe in pack.Recipes)
        {
            level[recipe.Id] = recipe.Components.Select(component => level[component.Id] + 1).DefaultIfEmpty(0).Max();
        }

        return pack.Recipes.GroupBy(recipe => level[recipe.Id]).OrderBy(group => group.Key).Select(group => group.ToList());
    }
}
