using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.Analytics.Facts;

/// <summary>Counts what a cancelled order gave back, on the day on which it was consumed; it costs nothing then.</summary>
internal sealed class CountReturnWhenStockRestored(AnalyticsDb db) : IHear<StockRestored>
{
    public Task Hear(IReadOnlyList<Envelope<StockRestored>> messages, CancellationToken cancel) =>
        ConsumptionFact.Apply(db.Connection, messages.Select(x => ConsumptionFact.Of(x.Message, x.SentAt)), buildingOnly: false, cancel);
}
