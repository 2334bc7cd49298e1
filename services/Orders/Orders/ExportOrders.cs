using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Orders.Orders;

/// <summary>
/// Everything that was decided about the organisation's orders, by when they occurred: confirmed, rejected and cancelled ones.
/// An order's place never changes, so whoever pages while orders move misses none that was decided before the first page.
/// </summary>
internal static class ExportOrders
{
    private const int DefaultLimit = 500;
    private const int MaxLimit = 1000;

    private static readonly OrderStatus[] Undecided = [OrderStatus.Placed, OrderStatus.Confirming];

    internal sealed record Key(DateTimeOffset OccurredAt, Guid Id);

    public static async Task<Ok<OrderExportPage>> Handle(string? after, int? limit, OrdersDb db, CancellationToken cancel)
    {
        var size = limit switch
        {
            null => DefaultLimit,
            >= 1 and <= MaxLimit => limit.Value,
            _ => throw new BadHttpRequestException($"limit must be from 1 to {MaxLimit}."),
        };
        var decided = db.Orders.AsNoTracking().Where(x => !Undecided.Contains(x.Status));
        var orders = Paging.Decode<Key>(after) is { } last
            ? decided.Where(x => EF.Functions.GreaterThan(ValueTuple.Create(x.OccurredAt, x.Id), ValueTuple.Create(last.OccurredAt, last.Id)))
            : decided;
        var page = Paging.Cut(
            await orders.OrderBy(x => x.OccurredAt).ThenBy(x => x.Id).Take(size + 1).Include(x => x.Lines).ToListAsync(cancel),
            size,
            x => new Key(x.OccurredAt, x.Id));
        return TypedResults.Ok(new OrderExportPage(
            [.. page.Items.Select(x => new ExportedOrder(State(x.Status), x.AsSold()))],
            page.NextCursor,
            after is null ? await decided.LongCountAsync(cancel) : null));
    }

    private static string State(OrderStatus status) => status switch
    {
        OrderStatus.Confirmed or OrderStatus.Completed => "confirmed",
        OrderStatus.Rejected => "rejected",
        _ => "cancelled",
    };
}
