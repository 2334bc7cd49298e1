namespace OpsPlatform.Contracts;

/// <summary>An order exists with its lines and prices; nothing is reserved for it yet.</summary>
public sealed record OrderPlaced(Guid OrderId, long Number, long TotalMinor, string Currency, DateTimeOffset OccurredAt);

/// <summary>Orders waits for Inventory to decide this order: consume for all of it or refuse all of it.</summary>
/// <param name="OccurredAt">When the sale took place; what is consumed for it belongs to that day.</param>
public sealed record OrderConfirmationRequested(Guid OrderId, IReadOnlyList<StockDemand> Demands, DateTimeOffset? OccurredAt = null);

/// <summary>What one order line takes from stock.</summary>
/// <param name="Kind">recipe or resale.</param>
/// <param name="TargetId">The recipe, or the ingredient of kind resale.</param>
/// <param name="Quantity">Yield pieces of the recipe, or stock units of the resale good.</param>
public sealed record StockDemand(string Kind, Guid TargetId, decimal Quantity);

/// <summary>The order is confirmed and its stock consumed; it may be prepared.</summary>
/// <param name="Lines">What was sold; null from a sender that did not tell it yet.</param>
public sealed record OrderConfirmed(
    Guid OrderId,
    long Number,
    long TotalMinor,
    string Currency,
    DateTimeOffset OccurredAt,
    Guid? CustomerId = null,
    IReadOnlyList<SoldLine>? Lines = null);

/// <summary>One line as it was sold: later changes of the menu do not reach it. Money in minor units of the order's currency.</summary>
/// <param name="TaxClass">standard, reduced, zero or none.</param>
public sealed record SoldLine(
    Guid MenuItemId, string Name, string? Category, int Quantity, long UnitPriceMinor, long TotalMinor, string TaxClass);

/// <summary>The order will not be served; nothing was consumed for it.</summary>
/// <param name="OccurredAt">When the sale would have taken place.</param>
public sealed record OrderRejected(Guid OrderId, IReadOnlyList<RejectionReason> Reasons, DateTimeOffset? OccurredAt = null);

/// <summary>Why an order was refused. For out_of_stock the ingredient and the quantities in its unit are given.</summary>
public sealed record RejectionReason(
    string Code, Guid? IngredientId = null, string? Name = null, decimal? Required = null, decimal? Available = null, decimal? Shortage = null);

/// <summary>The order is withdrawn: whoever holds something for it gives it back, and serves no later request for it.</summary>
/// <param name="OccurredAt">When the sale that is withdrawn took place.</param>
public sealed record OrderCancelled(Guid OrderId, DateTimeOffset? OccurredAt = null);

/// <summary>The order was handed over; it will not change any more.</summary>
public sealed record OrderCompleted(Guid OrderId, DateTimeOffset CompletedAt);

/// <summary>A page of everything that was decided about an organisation's orders, for a listener that counts from zero.</summary>
/// <param name="NextCursor">Asks for the next page; null on the last one.</param>
/// <param name="Total">How many orders the export holds; on the first page only.</param>
public sealed record OrderExportPage(IReadOnlyList<ExportedOrder> Items, string? NextCursor, long? Total);

/// <summary>What the messages about one order add up to now.</summary>
/// <param name="State">confirmed, rejected or cancelled, as the last of OrderConfirmed, OrderRejected and OrderCancelled says.</param>
public sealed record ExportedOrder(string State, OrderConfirmed Order);
