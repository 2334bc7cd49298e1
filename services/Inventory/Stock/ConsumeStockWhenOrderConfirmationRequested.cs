using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.Inventory.Recipes;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Inventory.Stock;

/// <summary>Decides each order once, in arrival order: all of it leaves the stock or none of it. Asked again, it answers each time what it decided.</summary>
internal sealed class ConsumeStockWhenOrderConfirmationRequested(InventoryDb db, Caller caller, TimeProvider time) : IHear<OrderConfirmationRequested>
{
    private sealed record Request(OrderConfirmationRequested Message, MessageCause Cause, string? Actor);

    public async Task Hear(IReadOnlyList<Envelope<OrderConfirmationRequested>> messages, CancellationToken cancel)
    {
        Request[] all = [.. messages.Select(x => new Request(x.Message, x.Cause(), x.Actor ?? caller.Actor))];
        Request[] requests = [.. all.DistinctBy(x => x.Message.OrderId)];
        var now = StockLogEntry.Now(time);
        var (claimed, decisions, leaves) = await StockDecisions.Claim(
            db.Connection, [.. requests.Select(x => x.Message.OrderId).Order()], Targets(requests, OrderDemand.Recipe), now, cancel);
        Request[] undecided = [.. requests.Where(x => claimed.Contains(x.Message.OrderId))];
        var stock = await LockedStock.Lock(
            db.Connection, leaves.Ingredients(Targets(undecided, OrderDemand.Recipe)).Concat(Targets(undecided, OrderDemand.Resale)), cancel);
        foreach (var request in undecided)
        {
            decisions[request.Message.OrderId] = Decide(request, leaves, stock, now);
        }

        Write([.. undecided.Select(x => decisions[x.Message.OrderId])], Answers(all, decisions, stock), stock, now);
        db.MayFlipAvailability = true;
    }

    private static Guid[] Targets(Request[] requests, string kind) =>
        [.. requests.SelectMany(x => x.Message.Demands).Where(x => x.Kind == kind).Select(x => x.TargetId).Distinct()];

    private static StockDecision Decide(Request request, RecipeLeaves leaves, LockedStock stock, DateTimeOffset now)
    {
        var order = request.Message.OrderId;
        var demand = OrderDemand.Of(request.Message.Demands, leaves, stock);
        var reasons = demand.Reasons.Count > 0 ? demand.Reasons : demand.Shortages(stock);
        if (reasons.Count > 0)
        {
            return new(order, DecisionState.Refused, [], reasons, request.Message.OccurredAt);
        }

        foreach (var consumed in demand.Quantities)
        {
            var item = stock.Find(consumed.IngredientId)!;
            stock.Move(item, item.Stock - consumed.Quantity, new(ChangeType.Consumption, null, ReferenceType.Order, order, request.Actor, now));
        }

        return new(order, DecisionState.Consumed, demand.Quantities, [], request.Message.OccurredAt);
    }

    private static OutboxMessage[] Answers(Request[] requests, Dictionary<Guid, StockDecision> decisions, LockedStock stock) =>
    [
        .. requests.Select(x => new OutboxMessage(decisions[x.Message.OrderId].AnswerToRequest(), Cause: x.Cause)),
        .. stock.Lows().Select(low => new OutboxMessage(low)),
    ];

    private void Write(StockDecision[] decided, OutboxMessage[] answers, LockedStock stock, DateTimeOffset now)
    {
        using var batch = new NpgsqlBatch(db.Connection);
        stock.AddTo(batch);
        batch.BatchCommands.Add(StockDecisions.Settle(decided, now));
        Outbox.AddTo(batch, caller, answers);
        db.RunLast(batch.BatchCommands);
    }
}
