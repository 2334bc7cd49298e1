using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Orders.Orders;

/// <summary>Orders by when they occurred, the latest first; from is included, to is not.</summary>
internal static class ListOrders
{
    internal sealed record Key(DateTimeOffset OccurredAt, Guid Id);

    public static async Task<Ok<Page<OrderView>>> Handle(
        Named<OrderStatus>? status, Moment? from, Moment? to, int? limit, string? cursor, OrdersDb db, CancellationToken cancel)
    {
        var size = Paging.Limit(limit);
        var orders = db.Orders.AsNoTracking();
        if (status is { Value: var wanted })
        {
            orders = orders.Where(x => x.Status == wanted);
        }

        if (from is { Value: var first })
        {
            orders = orders.Where(x => x.OccurredAt >= first);
        }

        if (to is { Value: var end })
        {
            orders = orders.Where(x => x.OccurredAt < end);
        }

        if (Paging.Decode<Key>(cursor) is { } after)
        {
            orders = orders.Where(x => EF.Functions.LessThan(ValueTuple.Create(x.OccurredAt, x.Id), ValueTuple.Create(after.OccurredAt, after.Id)));
        }

        var page = await orders
            .OrderByDescending(x => x.OccurredAt).ThenByDescending(x => x.Id)
            .Take(size + 1)
            .Include(x => x.Lines)
            .ToListAsync(cancel);
        return TypedResults.Ok(Paging.Cut([.. page.Select(OrderView.Of)], size, x => new Key(x.OccurredAt, x.Id)));
    }
}
