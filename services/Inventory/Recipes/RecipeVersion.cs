namespace OpsPlatform.Inventory.Recipes;

/// <summary>What a recipe was until it was changed or deleted; the database keeps it.</summary>
internal sealed class RecipeVersion
{
    public Guid OrgId { get; init; }

    public Guid RecipeId { get; init; }

    public long RowVersion { get; init; }

    public required string Code { get; init; }

    public required string Name { get; init; }

    public decimal YieldQuantity { get; init; }

    public required string YieldUnit { get; init; }

    public required IReadOnlyList<RecipeLine> Lines { get; init; }

    public DateTimeOffset ValidFrom { get; init; }

    public DateTimeOffset ValidUntil { get; init; }
}
