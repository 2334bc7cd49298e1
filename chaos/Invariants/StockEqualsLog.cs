using OpsPlatform.Chaos.Load;

namespace OpsPlatform.Chaos.Invariants;

/// <summary>Each ingredient's stock is the sum of its log, and nothing is below zero.</summary>
internal sealed class StockEqualsLog(Books books, IReadOnlyList<Shop> shops) : IInvariant
{
    private const string Sql = """
        SELECT i.org_id, i.code, i.stock, coalesce(l.logged, 0)
        FROM ingredients i
        LEFT JOIN (SELECT org_id, ingredient_id, sum(quantity_changed) AS logged FROM stock_log WHERE org_id = ANY($1) GROUP BY 1, 2) l
          ON l.org_id = i.org_id AND l.ingredient_id = i.id
        WHERE i.org_id = ANY($1) AND (i.stock <> coalesce(l.logged, 0) OR i.stock < 0)
        """;

    public string Name => "stock = log";

    public async Task Live(Findings findings, CancellationToken cancel)
    {
        foreach (var (org, code, stock, logged) in await books.Read(
            "inventory", Sql, row => (row.GetGuid(0), row.GetString(1), row.GetDecimal(2), row.GetDecimal(3)), cancel, shops.Select(shop => shop.Id).ToArray()))
        {
            findings.Add(Name, $"stock of {code} in organisation {org}", $"{logged} as logged, 0 at least", stock);
        }
    }

    public Task Quiet(Findings findings, CancellationToken cancel) => Live(findings, cancel);
}
