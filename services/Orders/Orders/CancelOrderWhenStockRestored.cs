using Microsoft.EntityFrameworkCore;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Orders.Orders;

/// <summary>Ends a cancellation: Inventory holds nothing for the order any more.</summary>
internal sealed class CancelOrderWhenStockRestored(OrdersDb db, Caller caller, TimeProvider time) : IHear<StockRestored>
{
    public async Task Hear(IReadOnlyList<Envelope<StockRestored>> messages, CancellationToken cancel)
    {
        var orders = messages.Select(x => x.Message.OrderId).ToArray();
        await db.Database.ExecuteSqlAsync(
            $"""
            UPDATE orders o SET status = 'cancelled', cancelled_at = {time.GetUtcNow()}
            FROM unnest({orders}) AS heard (id)
            WHERE o.org_id = {caller.Org} AND o.id = heard.id AND (o.status = 'cancelling') IS TRUE
            """,
            cancel);
    }
}
