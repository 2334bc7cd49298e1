using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.ServiceDefaults.Idempotency;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Orders.Orders;

/// <summary>Asks Inventory to consume for an order; with `Prefer: wait=N` the answer is the decision when it comes in time.</summary>
internal static class ConfirmOrder
{
    public static async Task<Results<Ok<OrderView>, Accepted<OrderView>, NotFound, ProblemHttpResult>> Handle(
        Guid id, OrdersDb db, DecisionWait decisions, KeyedRequest keyed, Caller caller, TimeProvider time, HttpContext http, CancellationToken cancel)
    {
        var patience = PreferWait.Of(http);
        using var decision = decisions.Start(caller.Org, id);
        if (await Confirm(id, db, time.GetUtcNow(), cancel) is not { } order)
        {
            return TypedResults.NotFound();
        }

        if (order.Status is not (OrderStatus.Confirming or OrderStatus.Confirmed))
        {
            return Problems.OrderState(OrderView.Of(order), "confirmed");
        }

        if (patience is { } wait)
        {
            PreferWait.Applied(http, wait);
            await keyed.Keep(Answer(order));
            order = await decision.Decided(db, order, wait, cancel);
        }

        return Answer(order);
    }

    private static Results<Ok<OrderView>, Accepted<OrderView>, NotFound, ProblemHttpResult> Answer(Order order) => order.Status switch
    {
        OrderStatus.Confirming => TypedResults.Accepted($"/orders/{order.Id}", OrderView.Of(order)),
        OrderStatus.Confirmed => TypedResults.Ok(OrderView.Of(order)),
        OrderStatus.Rejected => Problems.OrderRejected(OrderView.Of(order)),
        _ => Problems.OrderState(OrderView.Of(order), "confirmed"),
    };

    private static async Task<Order?> Confirm(Guid id, OrdersDb db, DateTimeOffset now, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var order = await db.Hold(id, cancel);
        if (order?.TryConfirm(Guid.CreateVersion7(now), now) == true)
        {
            db.Publish(order.ConfirmationMessage(), order.AskedId);
            await db.SaveChangesAsync(cancel);
            await transaction.CommitAsync(cancel);
        }

        return order;
    }
}
