using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.Orders.Orders;

/// <summary>Withdraws an order; one that Inventory was asked about is cancelling until its stock is back.</summary>
internal static class CancelOrder
{
    public static async Task<Results<Ok<OrderView>, Accepted<OrderView>, NotFound, ProblemHttpResult>> Handle(
        Guid id, OrdersDb db, TimeProvider time, CancellationToken cancel)
    {
        var now = time.GetUtcNow();
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        if (await db.Hold(id, cancel) is not { } order)
        {
            return TypedResults.NotFound();
        }

        if (order.TryCancel(Guid.CreateVersion7(now), now))
        {
            // Told also when Inventory holds nothing: others have counted the order.
            db.Publish(order.CancellationMessage(), order.AskedId);
            await db.SaveChangesAsync(cancel);
            await transaction.CommitAsync(cancel);
        }

        return order.Status switch
        {
            OrderStatus.Cancelling => TypedResults.Accepted($"/orders/{id}", OrderView.Of(order)),
            OrderStatus.Cancelled => TypedResults.Ok(OrderView.Of(order)),
            _ => Problems.OrderState(OrderView.Of(order), "cancelled"),
        };
    }
}
