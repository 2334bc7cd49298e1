namespace OpsPlatform.Contracts;

/// <summary>An order exists with its lines and prices; nothing is reserved for it yet.</summary>
public sealed record OrderPlaced(Guid OrderId, long Number, long TotalMinor, string Currency, DateTimeOffset OccurredAt);

/// <summary>Orders waits for Inventory to decide this order: consume for all of it or refuse all of it.</summary>
public sealed record OrderConfirmationRequested(Guid OrderId, IReadOnlyList<StockDemand> Demands);

/// <summary>What one order line takes from stock.</summary>
/// <param name="Kind">recipe or resale.</param>
/// <param name="TargetId">The recipe, or the ingredient of kind resale.</param>
/// <param name="Quantity">Yield pieces of the recipe, or stock units of the resale good.</param>
public sealed record StockDemand(string Kind, Guid TargetId, decimal Quantity);

/// <summary>The order is confirmed and its stock consumed; it may be prepared.</summary>
public sealed record OrderConfirmed(Guid OrderId, long Number, long TotalMinor, string Currency, DateTimeOffset OccurredAt);

/// <summary>The order will not be served; nothing was consumed for it.</summary>
public sealed record OrderRejected(Guid OrderId, IReadOnlyList<RejectionReason> Reasons);

/// <summary>Why an order was refused. For out_of_stock the ingredient and the quantities in its unit are given.</summary>
public sealed record RejectionReason(
    string Code, Guid? IngredientId = null, string? Name = null, decimal? Required = null, decimal? Available = null, decimal? Shortage = null);

/// <summary>The order is withdrawn: whoever holds something for it gives it back, and serves no later request for it.</summary>
public sealed record OrderCancelled(Guid OrderId);

/// <summary>The order was handed over; it will not change any more.</summary>
public sealed record OrderCompleted(Guid OrderId, DateTimeOffset CompletedAt);
