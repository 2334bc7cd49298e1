using System.Text.Json;
using OpsPlatform.Contracts;
using OpsPlatform.Orders.Menu;

namespace OpsPlatform.Orders.Orders;

/// <summary>An order as the API shows it; money in minor units of <paramref name="Currency"/>.</summary>
internal sealed record OrderView(
    Guid Id,
    long Number,
    OrderStatus Status,
    Guid? CustomerId,
    string Currency,
    long TotalMinor,
    string? Note,
    IReadOnlyList<OrderLineView> Lines,
    IReadOnlyList<RejectionReason> Reasons,
    int ConfirmationAttempts,
    DateTimeOffset OccurredAt,
    DateTimeOffset PlacedAt,
    DateTimeOffset? ConfirmedAt,
    DateTimeOffset? RejectedAt,
    DateTimeOffset? CancelledAt,
    DateTimeOffset? CompletedAt,
    long RowVersion)
{
    public static OrderView Of(Order order) => new(
        order.Id,
        order.Number,
        order.Status,
        order.CustomerId,
        order.Currency,
        order.TotalMinor,
        order.Note,
        [.. order.Lines.OrderBy(line => line.LineNo).Select(OrderLineView.Of)],
        order.Reasons is null ? [] : JsonSerializer.Deserialize<RejectionReason[]>(order.Reasons, JsonSerializerOptions.Web)!,
        order.ConfirmationAttempts,
        order.OccurredAt,
        order.PlacedAt,
        order.ConfirmedAt,
        order.RejectedAt,
        order.CancelledAt,
        order.CompletedAt,
        order.RowVersion);
}

internal sealed record OrderLineView(
    Guid MenuItemId, string Name, int Quantity, long UnitPriceMinor, long TotalMinor, TaxClass TaxClass)
{
    public static OrderLineView Of(OrderLine line) =>
        new(line.MenuItemId, line.Name, line.Quantity, line.UnitPriceMinor, line.TotalMinor, line.TaxClass);
}
