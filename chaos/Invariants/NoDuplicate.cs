using OpsPlatform.Chaos.Load;

namespace OpsPlatform.Chaos.Invariants;

/// <summary>One key made one order or one movement of stock, however often it was sent; what was answered is there; no change is in the feed twice.</summary>
internal sealed class NoDuplicate(Books books, IReadOnlyList<Shop> shops) : IInvariant
{
    private static readonly TimeSpan Overlap = TimeSpan.FromSeconds(60);

    private const string OrdersSql = """
        SELECT note, count(*) FROM orders WHERE org_id = ANY($1) AND note IN (SELECT note FROM orders WHERE org_id = ANY($1) AND placed_at > $2)
        GROUP BY org_id, note HAVING count(*) > 1
        """;

    private const string NumbersSql = "SELECT org_id || ' ' || number, count(*) FROM orders WHERE org_id = ANY($1) AND placed_at > $2 GROUP BY org_id, number HAVING count(*) > 1";

    /// <summary>The entry of an opening stock, which has the ingredient's own id, carries no key.</summary>
    private const string MovesSql = """
        SELECT reason, count(*) FROM stock_log WHERE org_id = ANY($1) AND created_at > $2 AND reference_type IN ('purchase', 'manual') AND id <> ingredient_id
        GROUP BY org_id, reason HAVING count(*) > 1
        """;

    /// <summary>At most one consumption and one restoration of an ingredient for an order.</summary>
    private const string TakenSql = """
        SELECT reference_id || ' ' || ingredient_id || ' ' || change_type, count(*) FROM stock_log
        WHERE org_id = ANY($1) AND created_at > $2 AND reference_type = 'order' GROUP BY reference_id, ingredient_id, change_type HAVING count(*) > 1
        """;

    private const string FeedSql = "SELECT service || ' ' || id, count(*) FROM feed WHERE org_id = ANY($1) AND captured_at > $2 GROUP BY service, id HAVING count(*) > 1";

    private readonly Guid[] _orgs = [.. shops.Select(shop => shop.Id)];
    private DateTime _since = DateTime.UnixEpoch;

    public string Name => "no duplicate";

    public async Task Live(Findings findings, CancellationToken cancel)
    {
        var started = DateTime.UtcNow;
        await Twice(_since, findings, cancel);
        _since = started - Overlap;
    }

    public async Task Quiet(Findings findings, CancellationToken cancel)
    {
        await Twice(DateTime.UnixEpoch, findings, cancel);
        foreach (var shop in shops)
        {
            var orders = (await books.Read("orders", "SELECT note, id FROM orders WHERE org_id = $1 AND note IS NOT NULL", row => (row.GetString(0), row.GetGuid(1)), cancel, shop.Id))
                .ToLookup(row => row.Item1, row => row.Item2);
            foreach (var (key, order) in shop.Ledger.Placed)
            {
                findings.Compare(Name, $"{shop.Name}: order answered for key {key}", order, orders[key].FirstOrDefault());
            }

            var moves = (await books.Read(
                "inventory",
                "SELECT reason, ingredient_id, quantity_changed FROM stock_log WHERE org_id = $1 AND reference_type IN ('purchase', 'manual') AND id <> ingredient_id",
                row => (Key: row.GetString(0), Move: (row.GetGuid(1), row.GetDecimal(2))),
                cancel,
                shop.Id)).ToLookup(row => row.Key, row => row.Move);
            foreach (var (key, move) in shop.Ledger.Moved)
            {
                findings.Compare(Name, $"{shop.Name}: movement of stock answered for key {key}", move, moves[key].FirstOrDefault());
            }
        }
    }

    private async Task Twice(DateTime since, Findings findings, CancellationToken cancel)
    {
        foreach (var (what, database, sql) in ((string, string, string)[])
        [
            ("orders for key", "orders", OrdersSql), ("orders of number", "orders", NumbersSql), ("movements of stock for key", "inventory", MovesSql),
            ("movements of stock for order, ingredient and type", "inventory", TakenSql), ("feed entries of change", "sync", FeedSql),
        ])
        {
            foreach (var (key, count) in await books.Read(database, sql, row => (row.GetString(0), row.GetInt64(1)), cancel, _orgs, since))
            {
                findings.Add(Name, $"{what} {key}", 1, count);
            }
        }
    }
}
