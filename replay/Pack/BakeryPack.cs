namespace OpsPlatform.Replay.Pack;

/// <summary>A shop's stock, recipes and till items as the pack's files give them; consistent once it exists.</summary>
internal sealed record BakeryPack(
    IReadOnlyDictionary<string, Ingredient> Ingredients,
    IReadOnlyList<Recipe> Recipes,
    IReadOnlyDictionary<string, Item> Items)
{
    public const string TimeZone = "Europe/London";
    public const string Currency = "GBP";

    /// <summary>House recipes may name an ingredient that ingredients.csv lacks; these are the ones.</summary>
    public IEnumerable<string> HouseIngredients => Ingredients.Values.Where(i => i.FromHouseRecipe).Select(i => i.Id);
}

/// <param name="Unit">"g" for ingredients, "piece" for resale goods.</param>
/// <param name="UnitCostMinor">Pence per unit.</param>
internal sealed record Ingredient(
    string Id, string Name, string Category, bool IsResale, string Unit, decimal UnitCostMinor, string? Allergen, bool FromHouseRecipe = false);

/// <param name="Ingredients">In grams for the whole yield; the same ingredient may stand twice and counts twice.</param>
/// <param name="Components">In yield pieces of the other recipe, for the whole yield.</param>
internal sealed record Recipe(
    string Id, string Name, decimal YieldQuantity, string YieldUnit, IReadOnlyList<Part> Ingredients, IReadOnlyList<Part> Components);

internal readonly record struct Part(string Id, decimal Quantity);

internal enum ItemKind
{
    Recipe,
    Resale,
    Service,
    Exclude,
}

/// <param name="Name">As the till writes it, to the last space.</param>
/// <param name="Code">Unique in the pack: the name in lower case with dashes.</param>
/// <param name="TargetId">A recipe or a resale good; null for services and excluded items.</param>
internal sealed record Item(
    string Name, string Code, ItemKind Kind, string? TargetId, decimal PiecesPerSale, long PriceMinor, string TaxClass);
