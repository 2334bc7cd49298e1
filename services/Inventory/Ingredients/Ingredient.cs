namespace OpsPlatform.Inventory.Ingredients;

internal enum IngredientKind
{
    Ingredient,
    Resale,
}

/// <summary>Something kept in stock: what recipes are made of, or what is sold as it came.</summary>
internal sealed class Ingredient
{
    public Guid OrgId { get; init; }

    public Guid Id { get; init; }

    public required string Code { get; set; }

    public required string Name { get; set; }

    public required string Category { get; set; }

    public IngredientKind Kind { get; set; }

    public required string Unit { get; set; }

    /// <summary>Moves only with an entry in the stock log.</summary>
    public decimal Stock { get; init; }

    public decimal ReorderPoint { get; set; }

    public decimal? MaximumStock { get; set; }

    /// <summary>Units used per day.</summary>
    public decimal UsageRate { get; set; }

    public decimal UnitCostMinor { get; set; }

    public string? Allergen { get; set; }

    public long RowVersion { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }
}

/// <param name="Stock">In <paramref name="Unit"/>, at most 6 decimals.</param>
/// <param name="UsageRate">Units per day; 0 when unknown.</param>
/// <param name="UnitCostMinor">Minor currency units per unit, with decimals.</param>
internal sealed record IngredientResponse(
    Guid Id,
    string Code,
    string Name,
    string Category,
    IngredientKind Kind,
    string Unit,
    decimal Stock,
    decimal ReorderPoint,
    decimal? MaximumStock,
    decimal UsageRate,
    decimal UnitCostMinor,
    string? Allergen,
    long RowVersion,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt)
{
    public static IngredientResponse Of(Ingredient x) => new(
        x.Id, x.Code, x.Name, x.Category, x.Kind, x.Unit, x.Stock, x.ReorderPoint, x.MaximumStock, x.UsageRate, x.UnitCostMinor, x.Allergen,
        x.RowVersion, x.CreatedAt, x.UpdatedAt);
}
