using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Inventory.Stock;

/// <summary>Gives back exactly what the order had consumed, once. A cancel that comes first leaves a tombstone, so that nothing is consumed after it. Each cancel is answered.</summary>
internal sealed class RestoreStockWhenOrderCancelled(InventoryDb db, Caller caller, TimeProvider time) : IHear<OrderCancelled>
{
    private const string Reason = "order cancelled";

    public async Task Hear(IReadOnlyList<Envelope<OrderCancelled>> messages, CancellationToken cancel)
    {
        Envelope<OrderCancelled>[] cancels = [.. messages.DistinctBy(x => x.Message.OrderId)];
        var now = StockLogEntry.Now(time);
        var (_, decisions) = await StockDecisions.Cancel(db.Connection, [.. cancels.Select(x => x.Message.OrderId).Order()], now, cancel);
        Envelope<OrderCancelled>[] holding = [.. cancels.Where(x => decisions[x.Message.OrderId].State == DecisionState.Consumed)];
        var stock = await LockedStock.Lock(db.Connection, holding.SelectMany(x => decisions[x.Message.OrderId].Consumed).Select(x => x.IngredientId), cancel);
        foreach (var order in holding)
        {
            GiveBack(decisions[order.Message.OrderId], stock, order.Actor ?? caller.Actor, now);
        }

        StockDecision[] restored = [.. holding.Select(x => decisions[x.Message.OrderId] with { State = DecisionState.Restored })];
        await using var batch = new NpgsqlBatch(db.Connection);
        stock.AddTo(batch);
        batch.BatchCommands.Add(StockDecisions.Settle(restored, now));
        Outbox.AddTo(batch, caller, [.. messages.Select(x => new OutboxMessage(
            decisions[x.Message.OrderId].AnswerToCancel(), Cause: x.Cause()))]);
        await batch.ExecuteNonQueryAsync(cancel);
        db.MayFlipAvailability = true;
    }

    private static void GiveBack(StockDecision decision, LockedStock stock, string? actor, DateTimeOffset now)
    {
        foreach (var consumed in decision.Consumed)
        {
            // An ingredient deleted since has no stock to give back to.
            if (stock.Find(consumed.IngredientId) is { } item)
            {
                stock.Move(item, item.Stock + consumed.Quantity, new(ChangeType.Increase, Reason, ReferenceType.Order, decision.OrderId, actor, now));
            }
        }
    }
}
