using OpsPlatform.Chaos.Load;

namespace OpsPlatform.Chaos.Invariants;

/// <summary>
/// Every operation that was answered 202 is completed, after however many attempts, and its end told once; every line of an import moved stock once, and once
/// back when it was undone; the timelines are whole and agree with what was signed of them.
/// </summary>
internal sealed class OperationsEnd(Books books, IReadOnlyList<Shop> shops) : IInvariant
{
    private static readonly string[] Workers = ["orders", "inventory"];

    /// <summary>Nobody here tries again what has ended: one end is all an operation has.</summary>
    private const string EndsSql = """
        SELECT operation_id, count(*) FROM timeline WHERE org_id = ANY($1) AND event IN ('completed', 'failed', 'denied', 'cancelled', 'expired', 'timed_out')
        GROUP BY org_id, operation_id HAVING count(*) > 1
        """;

    /// <summary>No two movements of the same import have the same reason.</summary>
    private const string LinesSql = """
        SELECT i.id, l.waiting, l.due, coalesce(s.moved, 0), l.net, coalesce(s.net, 0) FROM stock_imports i
        CROSS JOIN LATERAL (
          SELECT count(*) FILTER (WHERE outcome = 'waiting') AS waiting,
            coalesce(sum(CASE outcome WHEN 'undone' THEN 2 WHEN 'applied' THEN 1 WHEN 'not_undone' THEN 1 ELSE 0 END), 0)::bigint AS due,
            coalesce(sum(quantity_after - quantity_before) FILTER (WHERE outcome IN ('applied', 'not_undone')), 0) AS net
          FROM stock_import_lines l WHERE l.org_id = i.org_id AND l.import_id = i.id) l
        CROSS JOIN LATERAL (
          SELECT count(DISTINCT reason) AS moved, sum(quantity_changed) AS net FROM stock_log s WHERE s.org_id = i.org_id AND s.reference_id = i.id) s
        WHERE i.org_id = ANY($1)
        """;

    private readonly Guid[] _orgs = [.. shops.Select(shop => shop.Id)];

    private sealed record Audit(bool IsIntact, Fault? FirstFault);

    private sealed record Fault(long Position, string What);

    public string Name => "operations end";

    /// <returns>What has not ended yet, in words; null for nothing.</returns>
    public static async Task<string?> UnderWay(Books books, Guid[] orgs, CancellationToken cancel)
    {
        foreach (var worker in Workers)
        {
            if (await books.Number(worker, "SELECT count(*) FROM operation_work WHERE org_id = ANY($1) AND state <> 'ended'", cancel, [orgs]) is > 0 and var working)
            {
                return $"{worker} has still to do {working} operations";
            }
        }

        var shown = await books.Number("operations", "SELECT count(*) FROM operations WHERE org_id = ANY($1) AND completed_at IS NULL", cancel, [orgs]);
        return shown > 0 ? $"{shown} operations are shown as under way" : null;
    }

    public async Task Live(Findings findings, CancellationToken cancel)
    {
        foreach (var (id, ends) in await books.Read("operations", EndsSql, row => (row.GetGuid(0), row.GetInt64(1)), cancel, [_orgs]))
        {
            findings.Add(Name, $"ends of operation {id} in the timeline", 1, ends);
        }

        foreach (var shop in shops)
        {
            var answer = await shop.Ledger.Count(() => shop.Client.Send(HttpMethod.Get, "operations/audit", null, cancel));
            if (!answer.IsSuccess || answer.Read<Audit>() is not { IsIntact: true })
            {
                findings.Add(Name, $"{shop.Name}: audit of its timeline", "intact", answer.IsSuccess ? answer.Read<Audit>().FirstFault! : answer.Describe());
            }
        }
    }

    public async Task Quiet(Findings findings, CancellationToken cancel)
    {
        await Live(findings, cancel);
        findings.Compare(Name, "operations under way", "none", await UnderWay(books, _orgs, cancel) ?? "none");
        foreach (var shop in shops)
        {
            var states = (await books.Read("operations", "SELECT id, status FROM operations WHERE org_id = $1", row => (row.GetGuid(0), row.GetString(1)), cancel, shop.Id))
                .ToDictionary(row => row.Item1, row => row.Item2);
            foreach (var id in shop.Ledger.Started.Keys)
            {
                findings.Compare(Name, $"{shop.Name}: operation {id}, which was answered 202", "completed", states.GetValueOrDefault(id, "unknown"));
            }
        }

        foreach (var (import, waiting, due, moved, net, logged) in await books.Read(
            "inventory", LinesSql, row => (row.GetGuid(0), row.GetInt64(1), row.GetInt64(2), row.GetInt64(3), row.GetDecimal(4), row.GetDecimal(5)), cancel, [_orgs]))
        {
            findings.Compare(Name, $"lines of import {import} that nothing became of", 0L, waiting);
            findings.Compare(Name, $"movements of import {import}, one a line and one more a line undone", due, moved);
            findings.Compare(Name, $"stock that import {import} brought", net, logged);
        }
    }

    /// <returns>What was done, in words.</returns>
    public async Task<string> Tally(CancellationToken cancel) => (await books.Read(
        "operations",
        "SELECT count(*), count(*) FILTER (WHERE status = 'completed'), count(*) FILTER (WHERE attempt > 1), count(*) FILTER (WHERE operation_type LIKE '%export%') FROM operations WHERE org_id = ANY($1)",
        row => $"{row.GetInt64(0):N0} operations, {row.GetInt64(3)} of them exports: {row.GetInt64(1):N0} completed, {row.GetInt64(2)} after more than one attempt", cancel, [_orgs])).Single();
}
