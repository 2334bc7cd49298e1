namespace OpsPlatform.Replay.Pack;

/// <summary>Reads recipes.json and house_recipes.json; the recipes come back so that components stand before what contains them.</summary>
internal static class RecipeFiles
{
    private sealed record Draft(Recipe Recipe, LocatedJson Place, IReadOnlyList<LocatedJson> ComponentPlaces);

    /// <summary>Adds to <paramref name="ingredients"/> what only house recipes name.</summary>
    public static List<Recipe> Read(string recipesPath, string housePath, Dictionary<string, Ingredient> ingredients)
    {
        var drafts = new Dictionary<string, Draft>();

        foreach (var json in LocatedJson.Read(recipesPath).Member("recipes").Elements)
        {
            Add(drafts, ReadRecipe(json, ingredients));
        }

        foreach (var json in LocatedJson.Read(housePath).Member("recipes").Elements)
        {
            Add(drafts, ReadHouseRecipe(json, ingredients));
        }

        return InOrder(drafts);
    }

    private static void Add(Dictionary<string, Draft> drafts, Draft draft)
    {
        if (!drafts.TryAdd(draft.Recipe.Id, draft))
        {
            throw draft.Place.Member("id").Refuse($"the recipe '{draft.Recipe.Id}' is given twice");
        }
    }

    private static Draft ReadRecipe(LocatedJson json, Dictionary<string, Ingredient> ingredients)
    {
        var parts = new List<Part>();

        foreach (var line in json.Member("ingredients").Elements)
        {
            var id = line.Member("ingredient");

            if (!ingredients.ContainsKey(id.Text()))
            {
                throw id.Refuse($"the ingredient '{id.Text()}' is not in {ReadPack.IngredientsFile}");
            }

            parts.Add(new Part(id.Text(), line.Member("grams").Quantity()));
        }

        RequireParts(json, parts.Count);
        var yield = json.Member("yield");
        var recipe = new Recipe(
            json.Member("id").Text(), json.Member("name").Text(), yield.Member("quantity").Quantity(), yield.Member("unit").Text(), parts, []);

        return new Draft(recipe, json, []);
    }

    private static Draft ReadHouseRecipe(LocatedJson json, Dictionary<string, Ingredient> ingredients)
    {
        var parts = json.Member("ingredients").Elements.Select(ReadPair).ToList();
        var componentPlaces = json.MemberOrNull("components")?.Elements ?? [];
        var components = componentPlaces.Select(ReadPair).ToList();
        RequireParts(json, parts.Count + components.Count);

        foreach (var part in parts)
        {
            // Drinks and fillings are known to the house recipes alone, so naming one there is how it is declared.
            ingredients.TryAdd(part.Id, new Ingredient(part.Id, NameOf(part.Id), "house", false, "g", 0, null, FromHouseRecipe: true));
        }

        return new Draft(
            new Recipe(json.Member("id").Text(), json.Member("name").Text(), 1, "piece", parts, components), json, componentPlaces);
    }

    private static Part ReadPair(LocatedJson json) =>
        json.Elements is [var id, var quantity]
            ? new Part(id.Text(), quantity.Quantity())
            : throw json.Refuse("a pair of an id and a number was expected");

    private static void RequireParts(LocatedJson json, int count)
    {
        if (count == 0)
        {
            throw json.Refuse("the recipe has no ingredients");
        }
    }

    private static string NameOf(string id) => char.ToUpperInvariant(id[0]) + id[1..].Replace('-', ' ');

    private static List<Recipe> InOrder(Dictionary<string, Draft> drafts)
    {
        var done = new HashSet<string>();
        var path = new List<string>();
        var ordered = new List<Recipe>();

        foreach (var draft in drafts.Values)
        {
            Visit(draft);
        }

        return ordered;

        void Visit(Draft draft)
        {
            if (done.Contains(draft.Recipe.Id))
            {
                return;
            }

            path.Add(draft.Recipe.Id);

            foreach (var (component, place) in draft.Recipe.Components.Zip(draft.ComponentPlaces))
            {
                if (!drafts.TryGetValue(component.Id, out var next))
                {
                    throw place.Refuse($"the recipe '{component.Id}' does not exist");
                }

                if (path.Contains(component.Id))
                {
                    var circle = path.SkipWhile(id => id != component.Id).Append(component.Id);
                    throw place.Refuse($"the recipes contain themselves: {string.Join(" > ", circle)}");
                }

                Visit(next);
            }

            path.RemoveAt(path.Count - 1);
            done.Add(draft.Recipe.Id);
            ordered.Add(draft.Recipe);
        }
    }
}
