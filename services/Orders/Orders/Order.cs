using System.Text.Json;
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

    public Guid? CustomerId { get; init; }

    public required string Currency { get; init; }

    public required long TotalMinor { get; init; }

    public string? Note { get; init; }

    /// <summary>False when every line is a service: Inventory is then never asked.</summary>
    public required bool NeedsStock { get; init; }

    /// <summary>JSON array of <see cref="RejectionReason"/>; null unless rejected.</summary>
    public string? Reasons { get; private set; }

    /// <summary>How often Inventory was asked to consume.</summary>
    public int ConfirmationAttempts { get; private set; }

    /// <summary>How often Inventory was told to give back.</summary>
    public int CancellationAttempts { get; private set; }

    /// <summary>The message that last asked Inventory for the answer the order waits for.</summary>
    public Guid? AskedId { get; private set; }

    public DateTimeOffset? AskedAt { get; private set; }

    public required byte[] ContentHash { get; init; }

    public required DateTimeOffset OccurredAt { get; init; }

    public required DateTimeOffset PlacedAt { get; init; }

    public DateTimeOffset? ConfirmedAt { get; private set; }

    public DateTimeOffset? RejectedAt { get; private set; }

    public DateTimeOffset? CancelledAt { get; private set; }

    public DateTimeOffset? CompletedAt { get; private set; }

    /// <summary>Raised by the database with every change; it stamps a new row with 1.</summary>
    public long RowVersion { get; private set; } = 1;

    public List<OrderLine> Lines { get; init; } = [];

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
        ConfirmationAttempts = 1;
        AskedId = messageId;
        AskedAt = now;
        return true;
    }

    /// <summary>Takes over what was committed elsewhere.</summary>
    public void Confirmed(Confirmation confirmation)
    {
        Status = OrderStatus.Confirmed;
        ConfirmedAt = confirmation.At;
        ConfirmationAttempts = confirmation.Attempts;
        RowVersion = confirmation.RowVersion;
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
        CancellationAttempts = 1;
        AskedId = messageId;
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

    /// <summary>The unanswered question to Inventory, to be sent as a message of its own.</summary>
    public object AskAgain(Guid messageId, DateTimeOffset now)
    {
        AskedId = messageId;
        AskedAt = now;
        if (Status == OrderStatus.Cancelling)
        {
            CancellationAttempts++;
            return CancellationMessage();
        }

        ConfirmationAttempts++;
        return ConfirmationMessage();
    }

    /// <summary>The order's message about its confirmation: a question to Inventory, or the fact.</summary>
    public object ConfirmationMessage() => Status == OrderStatus.Confirming
        ? new OrderConfirmationRequested(Id, Demands(), OccurredAt)
        : AsSold();

    public OrderCancelled CancellationMessage() => new(Id, OccurredAt);

    /// <summary>The order as it was sold, as the messages tell it.</summary>
    public OrderConfirmed AsSold() =>
        new(Id, Number, TotalMinor, Currency, OccurredAt, CustomerId, [.. Lines.OrderBy(line => line.LineNo).Select(line => line.Sold())]);

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

    public required string? Category { get; init; }

    /// <summary>As the messages tell it.</summary>
    public SoldLine Sold() => new(MenuItemId, Name, Category, Quantity, UnitPriceMinor, TotalMinor, JsonNamingPolicy.SnakeCaseLower.ConvertName(TaxClass.ToString()));
}
