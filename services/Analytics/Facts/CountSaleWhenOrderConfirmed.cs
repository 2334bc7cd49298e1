using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.Analytics.Facts;

/// <summary>Counts a sale on its business day.</summary>
internal sealed class CountSaleWhenOrderConfirmed(AnalyticsDb db) : IHear<OrderConfirmed>
{
    public Task Hear(IReadOnlyList<Envelope<OrderConfirmed>> messages, CancellationToken cancel) =>
        OrderFact.Apply(db.Connection, messages.Select(x => OrderFact.Of(x.Message)), buildingOnly: false, cancel);
}
