using System.Text.Encodings.Web;
using System.Text.Json;

namespace OpsPlatform.Replay;

/// <summary>The figures of one replay. Money in pence, weights in grams, durations in seconds.</summary>
/// <param name="Tickets">In the sales file, also those that make no order.</param>
/// <param name="Orders">Tickets that make an order.</param>
/// <param name="RevenueMinor">Of the confirmed orders.</param>
/// <param name="ConsumedGrams">By the stock log, less what was restored, per ingredient id.</param>
/// <param name="ConsumedPieces">The same for resale goods.</param>
/// <param name="Seconds">Of the whole run, reconciliation included.</param>
/// <param name="OrdersPerSecond">From the first order sent to the last one decided.</param>
/// <param name="OtherOrders">Orders of the organisation that the sales file did not make.</param>
/// <param name="Retries">Requests sent again after a lost or temporary answer.</param>
internal sealed record Report(
    int Tickets,
    int Orders,
    int OrdersConfirmed,
    int OrdersRejected,
    int OrdersCancelled,
    int OtherOrders,
    long RevenueMinor,
    string Currency,
    IReadOnlyDictionary<string, decimal> ConsumedGrams,
    IReadOnlyDictionary<string, decimal> ConsumedPieces,
    long CapturedChanges,
    IReadOnlyDictionary<string, long> CapturedByService,
    long FeedEntries,
    double Seconds,
    double OrdersPerSecond,
    int Retries,
    Guid OrganisationId,
    IReadOnlyList<Reconcile.StockLine> Stock,
    IReadOnlyList<string> HouseIngredients,
    IReadOnlyList<string> Mismatches)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public string ToJson() => JsonSerializer.Serialize(this, Json);
}
