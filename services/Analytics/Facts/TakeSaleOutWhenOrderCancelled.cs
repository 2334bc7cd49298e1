using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.Analytics.Facts;

/// <summary>Takes a sale out of every total it was counted in; one heard of later is not counted at all.</summary>
internal sealed class TakeSaleOutWhenOrderCancelled(AnalyticsDb db) : IHear<OrderCancelled>
{
    public Task Hear(IReadOnlyList<Envelope<OrderCancelled>> messages, CancellationToken cancel) => OrderFact.Apply(
        db.Connection, messages.Select(x => new OrderFact(x.Message.OrderId, OrderFact.Cancelled, x.Message.OccurredAt, null)), buildingOnly: false, cancel);
}
