using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.Orders.Orders;

/// <summary>Counts orders by state and adds up what was sold.</summary>
internal static class SummariseOrders
{
    /// <param name="RevenueMinor">Of confirmed and completed orders; null when they are in several currencies.</param>
    /// <param name="Currency">Of the revenue; null when nothing was sold or in several currencies.</param>
    /// <param name="Revenues">The revenue in each currency.</param>
    public sealed record Summary(
        long Placed,
        long Confirming,
        long Confirmed,
        long Rejected,
        long Cancelling,
        long Cancelled,
        long Completed,
        decimal? RevenueMinor,
        string? Currency,
        IReadOnlyList<Revenue> Revenues);

    public sealed record Revenue(string Currency, decimal AmountMinor);

    public static async Task<Ok<Summary>> Handle(OrdersDb db, CancellationToken cancel)
    {
        // Summed as decimals: totals that fit a bigint each need not fit one together.
        var groups = await db.Orders
            .GroupBy(x => new { x.Status, x.Currency })
            .Select(x => new { x.Key.Status, x.Key.Currency, Orders = x.LongCount(), TotalMinor = x.Sum(order => (decimal)order.TotalMinor) })
            .ToListAsync(cancel);
        long Count(OrderStatus status) => groups.Where(x => x.Status == status).Sum(x => x.Orders);
        Revenue[] revenues =
        [
            .. groups.Where(x => x.Status is OrderStatus.Confirmed or OrderStatus.Completed)
                .GroupBy(x => x.Currency)
                .OrderBy(x => x.Key)
                .Select(x => new Revenue(x.Key, x.Sum(sold => sold.TotalMinor))),
        ];

        return TypedResults.Ok(new Summary(
            Count(OrderStatus.Placed),
            Count(OrderStatus.Confirming),
            Count(OrderStatus.Confirmed),
            Count(OrderStatus.Rejected),
            Count(OrderStatus.Cancelling),
            Count(OrderStatus.Cancelled),
            Count(OrderStatus.Completed),
            revenues.Length > 1 ? null : revenues.Sum(x => x.AmountMinor),
            revenues.Length == 1 ? revenues[0].Currency : null,
            revenues));
    }
}
