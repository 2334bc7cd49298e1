using System.Globalization;
using OpsPlatform.Inventory.Ingredients;

namespace OpsPlatform.Inventory.Changes;

internal enum ChangeOutcome
{
    Waiting,
    Changed,
    Failed,
}

/// <summary>One line of a change of many ingredients.</summary>
internal sealed class IngredientChange
{
    public required Guid OrgId { get; init; }

    public required Guid OperationId { get; init; }

    /// <summary>From 1, as in the request.</summary>
    public required int LineNo { get; init; }

    public required string Code { get; init; }

    public decimal? ReorderPoint { get; init; }

    public decimal? UnitCostMinor { get; init; }

    public ChangeOutcome Outcome { get; private set; }

    /// <summary>Why it was not done, for people.</summary>
    public string? Error { get; private set; }

    public IngredientValues Values => new(ReorderPoint, UnitCostMinor);

    public void Done() => Outcome = ChangeOutcome.Changed;

    public void Failed(string error) => (Outcome, Error) = (ChangeOutcome.Failed, error);
}

/// <summary>Some of what is known of an ingredient; null for what is not spoken of.</summary>
internal sealed record IngredientValues(decimal? ReorderPoint, decimal? UnitCostMinor)
{
    /// <summary>The same of the ingredient as it is.</summary>
    public IngredientValues Now(Ingredient ingredient) => new(ReorderPoint is null ? null : ingredient.ReorderPoint, UnitCostMinor is null ? null : ingredient.UnitCostMinor);

    public void ApplyTo(Ingredient ingredient)
    {
        ingredient.ReorderPoint = ReorderPoint ?? ingredient.ReorderPoint;
        ingredient.UnitCostMinor = UnitCostMinor ?? ingredient.UnitCostMinor;
    }

    /// <param name="ingredient">As it is; null when it is gone.</param>
    /// <returns>Why what was set to these values cannot be set back; null when it can.</returns>
    public string? HasChanged(Ingredient? ingredient) =>
        ingredient is null ? "The ingredient was deleted since."
        : ReorderPoint is { } point && ingredient.ReorderPoint != point ? $"It has changed since: the reorder point was set to {Number(point)} and is {Number(ingredient.ReorderPoint)}."
        : UnitCostMinor is { } cost && ingredient.UnitCostMinor != cost ? $"It has changed since: the unit cost was set to {Number(cost)} and is {Number(ingredient.UnitCostMinor)}."
        : null;

    private static string Number(decimal value) => value.ToString("0.######", CultureInfo.InvariantCulture);
}
