using OpsPlatform.Contracts;
using OpsPlatform.Orders.Menu;

namespace OpsPlatform.Orders.Orders;

internal enum OrderStatus
{
    Placed,
    Confirming,
    Confirmed,
    Rejected,
    Cancelling,
    Cancelled,
    Completed,
}

/// <summary>An order and the moves its state allows; the database refuses any other move too.</summary>
internal sealed class Order
{
    public required Guid OrgId { get; init; }

    public required Guid Id { get; init; }

    public required long Number { get; init; }

    public OrderStatus Status { get; private set; } = OrderStatus.Placed;

    public Guid? CustomerId { get; private set; }

    public required string Currency { get; init; }

    public required long TotalMinor { get; init; }

    public string? Note { get; init; }

    /// <summary>False when every line is a service: Inventory is then never asked.</summary>
    public required bool NeedsStock { get; init; }

    /// <summary>JSON array of <see cref="RejectionReason"/>; null unless rejected.</summary>
    public string? Reasons { get; private set; }

    /// <summary>Id under which Inventory is asked to consume, however often.</summary>
    public Guid? ConfirmationId { get; private set; }

    /// <summary>Id under which Inventory is told to give back, however often.</summary>
    public Guid? CancellationId { get; private set; }

    public int ConfirmationAttempts { get; private set; }

    /// <summary>When Inventory was last asked for the answer the order waits for.</summary>
    public DateTimeOffset? AskedAt { get; private set; }

    public required byte[] ContentHash { get; init; }

    public required DateTimeOffset OccurredAt { get; init; }

    public required DateTimeOffset PlacedAt { get; init; }

    public DateTimeOffset? ConfirmedAt { get; private set; }

    public DateTimeOffset? RejectedAt { get; private set; }

    public DateTimeOffset? CancelledAt { get; private set; }

    public DateTimeOffset? CompletedAt { get; private set; }

    public long RowVersion { get; private set; }

    public List<OrderLine> Lines { get; init; } = [];

    /// <summary>Takes over what the database chose when the row was written by hand.</summary>
    public void Stored(Guid? customerId, long rowVersion)
    {
        CustomerId = customerId;
        RowVersion = rowVersion;
    }

    /// <summary>Placed becomes confirming, or confirmed at once when nothing is taken from stock.</summary>
    public bool TryConfirm(Guid messageId, DateTimeOffset now)
    {
        if (Status != OrderStatus.Placed)
        {
            return false;
        }

        if (!NeedsStock)
        {
            Status = OrderStatus.Confirmed;
            ConfirmedAt = now;
            return true;
        }

        Status = OrderStatus.Confirming;
        ConfirmationId = messageId;
        ConfirmationAttempts = 1;
        AskedAt = now;
        return true;
    }

    /// <summary>Cancelled at once while Inventory holds nothing and was asked nothing; cancelling otherwise.</summary>
    public bool TryCancel(Guid messageId, DateTimeOffset now)
    {
        if (Status == OrderStatus.Placed || (Status == OrderStatus.Confirmed && !NeedsStock))
        {
            Status = OrderStatus.Cancelled;
            CancelledAt = now;
            return true;
        }

        if (Status is not (OrderStatus.Confirming or OrderStatus.Confirmed))
        {
            return false;
        }

        Status = OrderStatus.Cancelling;
        CancellationId = messageId;
        AskedAt = now;
        return true;
    }

    public bool TryComplete(DateTimeOffset now)
    {
        if (Status != OrderStatus.Confirmed)
        {
            return false;
        }

        Status = OrderStatus.Completed;
        CompletedAt = now;
        return true;
    }

    /// <summary>The unanswered question to Inventory, with the id it was first asked under.</summary>
    public (object Message, Guid Id) AskAgain(DateTimeOffset now)
    {
        AskedAt = now;
        if (Status == OrderStatus.Cancelling)
        {
            return (new OrderCancelled(Id), CancellationId!.Value);
        }

        ConfirmationAttempts++;
        return (ConfirmationMessage(), ConfirmationId!.Value);
    }

    /// <summary>The order's message about its confirmation: a question to Inventory, or the fact.</summary>
    public object ConfirmationMessage() => Status == OrderStatus.Confirming
        ? new OrderConfirmationRequested(Id, Demands())
        : new OrderConfirmed(Id, Number, TotalMinor, Currency, OccurredAt);

    private IReadOnlyList<StockDemand> Demands() =>
    [
        .. Lines.Where(line => line.Kind != MenuKind.Service).Select(line => new StockDemand(
            line.Kind == MenuKind.Recipe ? "recipe" : "resale", line.TargetId!.Value, line.Quantity * line.PiecesPerSale)),
    ];
}

/// <summary>A line as it was sold: later changes of the menu do not reach it.</summary>
internal sealed class OrderLine
{
    public required Guid OrgId { get; init; }

    public required Guid OrderId { get; init; }

    public required int LineNo { get; init; }

    public required Guid MenuItemId { get; init; }

    public required string Name { get; init; }

    public required MenuKind Kind { get; init; }

    public required Guid? TargetId { get; init; }

    public required decimal PiecesPerSale { get; init; }

    public required int Quantity { get; init; }

    public required long UnitPriceMinor { get; init; }

    public required long TotalMinor { get; init; }

    public required TaxClass TaxClass { get; init; }
}
