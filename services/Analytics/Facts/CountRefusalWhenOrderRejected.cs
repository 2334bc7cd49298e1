using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.Analytics.Facts;

/// <summary>Counts an order that could not be served among its business day's refusals.</summary>
internal sealed class CountRefusalWhenOrderRejected(AnalyticsDb db) : IHear<OrderRejected>
{
    public Task Hear(IReadOnlyList<Envelope<OrderRejected>> messages, CancellationToken cancel) => OrderFact.Apply(
        db.Connection, messages.Select(x => new OrderFact(x.Message.OrderId, OrderFact.Rejected, x.Message.OccurredAt, null)), buildingOnly: false, cancel);
}
