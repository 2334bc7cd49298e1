using OpsPlatform.Chaos.Load;

namespace OpsPlatform.Chaos.Invariants;

/// <summary>Orders says of every order what Inventory decided, and stock went for what was confirmed: once, and as the recipes say.</summary>
internal sealed class OrdersEqualDecisions(Books books, IReadOnlyList<Shop> shops) : IInvariant
{
    /// <summary>Looks back further than the last time: a transaction may show its rows later than it stamped them.</summary>
    private static readonly TimeSpan Overlap = TimeSpan.FromSeconds(60);

    private const string SettledSql = """
        SELECT id, status, confirmation_attempts > 0 FROM orders
        WHERE org_id = ANY($1) AND status IN ('confirmed', 'completed', 'rejected', 'cancelled') AND needs_stock AND updated_at > $2
        """;

    private const string LinesSql = """
        SELECT o.id, o.status, o.total_minor, l.menu_item_id, l.quantity FROM orders o JOIN order_lines l ON l.org_id = o.org_id AND l.order_id = o.id
        WHERE o.org_id = $1
        """;

    private const string TakenSql = """
        SELECT reference_id, ingredient_id, -sum(quantity_changed) FROM stock_log WHERE org_id = $1 AND reference_type = 'order' GROUP BY 1, 2 HAVING sum(quantity_changed) <> 0
        """;

    private readonly Guid[] _orgs = [.. shops.Select(shop => shop.Id)];
    private DateTime _since = DateTime.UnixEpoch;

    public string Name => "orders = decisions";

    public async Task Live(Findings findings, CancellationToken cancel)
    {
        var started = DateTime.UtcNow;
        await Compare(_since, isQuiet: false, findings, cancel);
        _since = started - Overlap;
    }

    public async Task Quiet(Findings findings, CancellationToken cancel)
    {
        await Compare(DateTime.UnixEpoch, isQuiet: true, findings, cancel);
        foreach (var shop in shops)
        {
            await CompareConsumption(shop, findings, cancel);
        }
    }

    /// <summary>Orders first: what it shows was decided before, so the decision must be there when Inventory is asked after it.</summary>
    private async Task Compare(DateTime since, bool isQuiet, Findings findings, CancellationToken cancel)
    {
        var orders = await books.Read("orders", SettledSql, row => (Id: row.GetGuid(0), Status: row.GetString(1), IsAsked: row.GetBoolean(2)), cancel, _orgs, since);
        var decisions = (await books.Read(
            "inventory", "SELECT order_id, state FROM stock_decisions WHERE order_id = ANY($1)", row => (Id: row.GetGuid(0), State: row.GetString(1)), cancel,
            orders.Select(order => order.Id).ToArray())).ToDictionary(row => row.Id, row => row.State);
        foreach (var (id, status, isAsked) in orders.Where(order => order.IsAsked))
        {
            var decided = decisions.GetValueOrDefault(id, "nothing");
            string[] fitting = status switch
            {
                // It may have been cancelled since it was read.
                "confirmed" => isQuiet ? ["consumed"] : ["consumed", "restored"],
                "completed" => ["consumed"],
                "rejected" => ["refused"],
                _ => ["restored", "cancelled", "refused"],
            };
            if (!fitting.Contains(decided))
            {
                findings.Add(Name, $"decision on order {id}, which is {status}", string.Join(" or ", fitting), decided);
            }
        }

        if (isQuiet)
        {
            var undecided = await books.Number("orders", "SELECT count(*) FROM orders WHERE org_id = ANY($1) AND status IN ('confirming', 'cancelling')", cancel, [_orgs]);
            findings.Compare(Name, "undecided orders", 0L, undecided);
            var decided = await books.Number("inventory", "SELECT count(*) FROM stock_decisions WHERE org_id = ANY($1)", cancel, [_orgs]);
            // Inventory notes also the cancellation of what it was never asked for, such as a service.
            var told = await books.Number(
                "orders", "SELECT count(*) FROM orders WHERE org_id = ANY($1) AND ((needs_stock AND asked_id IS NOT NULL) OR status = 'cancelled')", cancel, [_orgs]);
            findings.Compare(Name, "decisions, one for each order Inventory was told about", told, decided);
        }
    }

    private async Task CompareConsumption(Shop shop, Findings findings, CancellationToken cancel)
    {
        var menu = shop.Menu.ToDictionary(item => item.Id);
        var lines = await books.Read(
            "orders", LinesSql, row => (Id: row.GetGuid(0), Status: row.GetString(1), Total: row.GetInt64(2), Item: menu[row.GetGuid(3)], Quantity: row.GetInt32(4)), cancel, shop.Id);
        var taken = (await books.Read("inventory", TakenSql, row => (Order: row.GetGuid(0), Ingredient: row.GetGuid(1), Quantity: row.GetDecimal(2)), cancel, shop.Id))
            .ToDictionary(row => (row.Order, row.Ingredient), row => row.Quantity);
        foreach (var order in lines.GroupBy(line => line.Id))
        {
            findings.Compare(Name, $"total of order {order.Key}", order.Sum(line => line.Quantity * line.Item.PriceMinor), order.First().Total);
            var needed = order.First().Status is "confirmed" or "completed" ? order.SelectMany(Needs).GroupBy(need => need.Ingredient, need => need.Quantity) : [];
            foreach (var need in needed)
            {
                taken.Remove((order.Key, need.Key), out var quantity);
                findings.Compare(Name, $"taken of ingredient {need.Key} for order {order.Key}, which is {order.First().Status}", need.Sum(), quantity);
            }
        }

        foreach (var ((order, ingredient), quantity) in taken)
        {
            findings.Add(Name, $"taken of ingredient {ingredient} for order {order}, which does not need it or is not confirmed", 0, quantity);
        }

        static IEnumerable<(Guid Ingredient, decimal Quantity)> Needs((Guid, string, long, Sellable Item, int Quantity) line) =>
            line.Item.Needs.Select(need => (need.Key, line.Quantity * need.Value));
    }
}
