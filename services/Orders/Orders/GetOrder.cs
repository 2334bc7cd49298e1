using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.Orders.Orders;

internal static class GetOrder
{
    public static async Task<Results<Ok<OrderView>, NotFound>> Handle(Guid id, OrdersDb db, CancellationToken cancel) =>
        await db.Orders.AsNoTracking().Include(x => x.Lines).FirstOrDefaultAsync(x => x.Id == id, cancel) is { } order
            ? TypedResults.Ok(OrderView.Of(order))
            : TypedResults.NotFound();
}
