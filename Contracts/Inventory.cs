namespace OpsPlatform.Contracts;

/// <summary>Everything the order needs has left the stock.</summary>
/// <param name="OccurredAt">When the sale took place; null when nobody told Inventory.</param>
public sealed record StockConsumed(Guid OrderId, IReadOnlyList<IngredientQuantity> Items, DateTimeOffset? OccurredAt = null);

/// <summary>A quantity in the ingredient's own unit.</summary>
/// <param name="UnitCostMinor">Minor units of the organisation's currency for one unit, as it was when the quantity was consumed.</param>
public sealed record IngredientQuantity(
    Guid IngredientId, decimal Quantity, decimal? UnitCostMinor = null, string? Unit = null, string? Name = null);

/// <summary>Nothing was consumed for the order, and nothing will be.</summary>
public sealed record StockRefused(Guid OrderId, IReadOnlyList<RejectionReason> Reasons);

/// <summary>Whatever the order held is back in stock (nothing, when it held none), and no later request will consume for it.</summary>
/// <param name="Items">Exactly what had been consumed.</param>
/// <param name="OccurredAt">When the sale took place; null when nobody told Inventory.</param>
public sealed record StockRestored(Guid OrderId, IReadOnlyList<IngredientQuantity> Items, DateTimeOffset? OccurredAt = null);

/// <summary>The ingredient's stock fell to its reorder point or below.</summary>
public sealed record StockLow(Guid IngredientId, string Code, decimal Stock, decimal ReorderPoint, string Unit);

/// <summary>A recipe can be made again, or cannot be made any more, for at least one piece.</summary>
/// <param name="Version">Rises per recipe; a listener that has a higher one ignores this message.</param>
public sealed record RecipeAvailabilityChanged(Guid RecipeId, bool IsAvailable, long Version);

/// <summary>A page of everything that orders consumed in an organisation, for a listener that counts from zero.</summary>
/// <param name="NextCursor">Asks for the next page; null on the last one.</param>
/// <param name="Total">How many orders the export holds; on the first page only.</param>
public sealed record ConsumptionExportPage(IReadOnlyList<ExportedConsumption> Items, string? NextCursor, long? Total);

/// <summary>What one order consumed, and whether all of it was given back since.</summary>
public sealed record ExportedConsumption(bool IsRestored, StockConsumed Consumed);
