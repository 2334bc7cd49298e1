using OpsPlatform.Orders.Orders;

namespace OpsPlatform.Orders.Exports;

/// <summary>A file of orders. It is there for a week.</summary>
internal sealed class OrderExport
{
    public static readonly TimeSpan Retention = TimeSpan.FromDays(7);

    public required Guid OrgId { get; init; }

    public required Guid Id { get; init; }

    public required string FileName { get; init; }

    /// <summary>Null until the file is whole.</summary>
    public long? Bytes { get; private set; }
}

/// <summary>Which orders a file holds: those that occurred from the one moment on and before the other.</summary>
/// <param name="Statuses">Null for all.</param>
internal sealed record OrderSelection(DateTimeOffset From, DateTimeOffset To, IReadOnlyList<OrderStatus>? Statuses)
{
    public IQueryable<Order> Of(IQueryable<Order> orders)
    {
        var selected = orders.Where(x => x.OccurredAt >= From && x.OccurredAt < To);
        return Statuses is null ? selected : selected.Where(x => Statuses.Contains(x.Status));
    }
}
