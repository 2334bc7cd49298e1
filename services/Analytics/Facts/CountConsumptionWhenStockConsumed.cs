using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.Analytics.Facts;

/// <summary>Counts what an order took from stock, and what that cost, on the order's business day.</summary>
internal sealed class CountConsumptionWhenStockConsumed(AnalyticsDb db) : IHear<StockConsumed>
{
    public Task Hear(IReadOnlyList<Envelope<StockConsumed>> messages, CancellationToken cancel) =>
        ConsumptionFact.Apply(db.Connection, messages.Select(x => ConsumptionFact.Of(x.Message, x.SentAt)), buildingOnly: false, cancel);
}
