using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.Orders.Orders;

/// <summary>Hands a confirmed order over; nothing changes it afterwards.</summary>
internal static class CompleteOrder
{
    public static async Task<Results<Ok<OrderView>, NotFound, ProblemHttpResult>> Handle(
        Guid id, OrdersDb db, TimeProvider time, CancellationToken cancel)
    {
        var now = time.GetUtcNow();
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        if (await db.Hold(id, cancel) is not { } order)
        {
            return TypedResults.NotFound();
        }

        if (order.TryComplete(now))
        {
            db.Publish(new OrderCompleted(id, now));
            await db.SaveChangesAsync(cancel);
            await transaction.CommitAsync(cancel);
        }

        return order.Status == OrderStatus.Completed
            ? TypedResults.Ok(OrderView.Of(order))
            : Problems.OrderState(OrderView.Of(order), "completed");
    }
}
