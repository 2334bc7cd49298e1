using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Orders.Orders;

/// <summary>Rejects the orders Inventory refused, with its reasons; one being cancelled meanwhile becomes cancelled, not rejected.</summary>
internal sealed class RejectOrderWhenStockRefused(OrdersDb db, Caller caller, TimeProvider time, WakeAfterCommit waiting) : IHear<StockRefused>
{
    private sealed record Rejected(Guid Id, DateTimeOffset OccurredAt);

    public async Task Hear(IReadOnlyList<Envelope<StockRefused>> messages, CancellationToken cancel)
    {
        var refused = messages.DistinctBy(x => x.Message.OrderId).ToDictionary(x => x.Message.OrderId);
        var orders = refused.Keys.ToArray();
        var reasons = refused.Values.Select(x => JsonSerializer.Serialize(x.Message.Reasons, JsonSerializerOptions.Web)).ToArray();
        var rejected = await db.Database.SqlQuery<Rejected>(
            $"""
            UPDATE orders o SET status = 'rejected', reasons = heard.reasons::jsonb, rejected_at = {time.GetUtcNow()}
            FROM unnest({orders}, {reasons}) AS heard (id, reasons)
            WHERE o.org_id = {caller.Org} AND o.id = heard.id AND (o.status = 'confirming') IS TRUE
            RETURNING o.id AS "Id", o.occurred_at AS "OccurredAt"
            """).ToListAsync(cancel);
        foreach (var order in rejected)
        {
            var refusal = refused[order.Id];
            db.Publish(new OrderRejected(order.Id, refusal.Message.Reasons, order.OccurredAt), cause: refusal.Cause());
            waiting.Decided(caller.Org, order.Id);
        }
    }
}
