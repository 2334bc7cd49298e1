namespace OpsPlatform.Contracts;

/// <summary>Everything the order needs has left the stock.</summary>
public sealed record StockConsumed(Guid OrderId, IReadOnlyList<IngredientQuantity> Items);

/// <summary>A quantity in the ingredient's own unit.</summary>
public sealed record IngredientQuantity(Guid IngredientId, decimal Quantity);

/// <summary>Nothing was consumed for the order, and nothing will be.</summary>
public sealed record StockRefused(Guid OrderId, IReadOnlyList<RejectionReason> Reasons);

/// <summary>Whatever the order held is back in stock (nothing, when it held none), and no later request will consume for it.</summary>
public sealed record StockRestored(Guid OrderId, IReadOnlyList<IngredientQuantity> Items);

/// <summary>The ingredient's stock fell to its reorder point or below.</summary>
public sealed record StockLow(Guid IngredientId, string Code, decimal Stock, decimal ReorderPoint, string Unit);

/// <summary>A recipe can be made again, or cannot be made any more, for at least one piece.</summary>
/// <param name="Version">Rises per recipe; a listener that has a higher one ignores this message.</param>
public sealed record RecipeAvailabilityChanged(Guid RecipeId, bool IsAvailable, long Version);
