using OpsPlatform.Chaos.Load;

namespace OpsPlatform.Chaos.Invariants;

/// <summary>Analytics' totals are the sum of its facts at every moment, and its facts are the orders once all was heard.</summary>
internal sealed class AnalyticsEqualsOrders(Books books, IReadOnlyList<Shop> shops) : IInvariant
{
    private const string TotalsSql = """
        WITH live AS (SELECT org_id, live_generation AS generation FROM organisations WHERE org_id = $1)
        SELECT
          (SELECT count(*) FROM order_facts f JOIN live USING (org_id, generation) WHERE f.state = 'confirmed'),
          (SELECT coalesce(sum(f.total_minor), 0)::numeric FROM order_facts f JOIN live USING (org_id, generation) WHERE f.state = 'confirmed'),
          (SELECT coalesce(sum(s.tickets), 0)::bigint FROM sales_by_day s JOIN live USING (org_id, generation)),
          (SELECT coalesce(sum(s.revenue_minor), 0) FROM sales_by_day s JOIN live USING (org_id, generation))
        """;

    private const string FactsSql = """
        SELECT f.order_id, f.state, f.total_minor FROM order_facts f JOIN organisations o ON o.org_id = f.org_id AND o.live_generation = f.generation WHERE f.org_id = $1
        """;

    private const string OrdersSql = """
        SELECT id, CASE status WHEN 'completed' THEN 'confirmed' ELSE status END, total_minor, occurred_at FROM orders WHERE org_id = $1
        """;

    private sealed record Sales(string Currency, long Tickets, decimal RevenueMinor);

    private sealed record Summary(long Confirmed, long Rejected, long Cancelled, IReadOnlyList<Sales> Sales);

    public string Name => "analytics = orders";

    public async Task Live(Findings findings, CancellationToken cancel)
    {
        foreach (var shop in shops)
        {
            var (facts, factsMinor, tickets, revenueMinor) = await books.Single(
                "analytics", TotalsSql, row => (row.GetInt64(0), row.GetDecimal(1), row.GetInt64(2), row.GetDecimal(3)), cancel, shop.Id);
            findings.Compare(Name, $"{shop.Name}: tickets of all days, facts and totals", facts, tickets);
            findings.Compare(Name, $"{shop.Name}: revenue of all days, facts and totals", factsMinor, revenueMinor);
        }
    }

    public async Task Quiet(Findings findings, CancellationToken cancel)
    {
        await Live(findings, cancel);
        foreach (var shop in shops)
        {
            var orders = await books.Read(
                "orders", OrdersSql, row => (Id: row.GetGuid(0), State: row.GetString(1), Minor: row.GetInt64(2), At: row.GetDateTime(3)), cancel, shop.Id);
            var facts = (await books.Read("analytics", FactsSql, row => (Id: row.GetGuid(0), State: row.GetString(1), Minor: row.GetInt64(2)), cancel, shop.Id))
                .ToDictionary(fact => fact.Id);
            foreach (var order in orders)
            {
                facts.Remove(order.Id, out var fact);
                findings.Compare(Name, $"{shop.Name}: what analytics knows of order {order.Id}", order.State, fact.State ?? "nothing");
                if (order.State == "confirmed" && fact.State == "confirmed")
                {
                    findings.Compare(Name, $"{shop.Name}: total of order {order.Id}", order.Minor, fact.Minor);
                }
            }

            findings.Compare(Name, $"{shop.Name}: orders only analytics knows", 0, facts.Count);
            if (orders.Count > 0)
            {
                await Shown(shop, orders, findings, cancel);
            }
        }
    }

    /// <summary>The same again, as a person would read it.</summary>
    private async Task Shown(Shop shop, List<(Guid Id, string State, long Minor, DateTime At)> orders, Findings findings, CancellationToken cancel)
    {
        var (first, last) = (orders.Min(order => order.At).AddDays(-1), orders.Max(order => order.At).AddDays(1));
        var summary = await shop.Client.Get<Summary>(FormattableString.Invariant($"analytics/summary?from={first:yyyy-MM-dd}&to={last:yyyy-MM-dd}"), cancel);
        var confirmed = orders.Where(order => order.State == "confirmed").ToList();
        findings.Compare(Name, $"{shop.Name}: confirmed orders in the summary", (long)confirmed.Count, summary.Confirmed);
        findings.Compare(Name, $"{shop.Name}: rejected orders in the summary", (long)orders.Count(order => order.State == "rejected"), summary.Rejected);
        findings.Compare(Name, $"{shop.Name}: cancelled orders in the summary", (long)orders.Count(order => order.State == "cancelled"), summary.Cancelled);
        findings.Compare(Name, $"{shop.Name}: revenue in the summary", (decimal)confirmed.Sum(order => order.Minor), summary.Sales.Sum(sales => sales.RevenueMinor));
    }
}
