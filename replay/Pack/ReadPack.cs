namespace OpsPlatform.Replay.Pack;

/// <summary>Reads a pack folder. What comes back is whole: every reference resolves and no recipe contains itself.</summary>
internal static class ReadPack
{
    public const string IngredientsFile = "ingredients.csv";
    public const string ItemMapFile = "item_map.csv";
    public const string RecipesFile = "recipes.json";
    public const string HouseRecipesFile = "house_recipes.json";

    /// <exception cref="FileRefusedException">A file is missing, malformed or contradicts another one.</exception>
    public static BakeryPack From(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new InputException($"There is no folder '{folder}'. --data names the folder of a pack (docs/packs.md).");
        }

        var ingredients = IngredientFile.Read(Path.Combine(folder, IngredientsFile));
        var recipes = RecipeFiles.Read(Path.Combine(folder, RecipesFile), Path.Combine(folder, HouseRecipesFile), ingredients);
        var items = ItemMap.Read(Path.Combine(folder, ItemMapFile), ingredients, recipes);

        return new BakeryPack(ingredients, recipes, items);
    }
}
