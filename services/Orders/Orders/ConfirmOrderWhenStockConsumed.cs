using Microsoft.EntityFrameworkCore;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Orders.Orders;

/// <summary>Confirms the orders Inventory consumed for; one being cancelled meanwhile stays so, its stock comes back.</summary>
internal sealed class ConfirmOrderWhenStockConsumed(OrdersDb db, Caller caller, TimeProvider time, WakeAfterCommit waiting) : IHear<StockConsumed>
{
    private sealed record Confirmed(Guid Id, long Number, long TotalMinor, string Currency, DateTimeOffset OccurredAt, Guid? CustomerId);

    public async Task Hear(IReadOnlyList<Envelope<StockConsumed>> messages, CancellationToken cancel)
    {
        var orders = messages.Select(x => x.Message.OrderId).ToArray();
        var confirmed = await db.Database.SqlQuery<Confirmed>(
            $"""
            UPDATE orders o SET status = 'confirmed', confirmed_at = {time.GetUtcNow()}
            FROM unnest({orders}) AS heard (id)
            WHERE o.org_id = {caller.Org} AND o.id = heard.id AND o.status = 'confirming'
            RETURNING o.id AS "Id", o.number AS "Number", o.total_minor AS "TotalMinor", o.currency AS "Currency", o.occurred_at AS "OccurredAt",
                o.customer_id AS "CustomerId"
            """).ToListAsync(cancel);
        var ids = confirmed.Select(x => x.Id).ToArray();
        var lines = (await db.OrderLines.AsNoTracking().Where(x => ids.Contains(x.OrderId)).OrderBy(x => x.LineNo).ToListAsync(cancel))
            .ToLookup(x => x.OrderId, x => x.Sold());
        foreach (var order in confirmed)
        {
            db.Publish(
                new OrderConfirmed(order.Id, order.Number, order.TotalMinor, order.Currency, order.OccurredAt, order.CustomerId, [.. lines[order.Id]]),
                cause: messages.First(x => x.Message.OrderId == order.Id).Cause());
            waiting.Decided(order.Id);
        }
    }
}
