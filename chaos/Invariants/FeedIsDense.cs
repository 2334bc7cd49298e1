using OpsPlatform.Chaos.Load;
using OpsPlatform.Replay;
using OpsPlatform.Replay.Reconcile;

namespace OpsPlatform.Chaos.Invariants;

/// <summary>Each organisation's feed has the positions 1, 2, 3 … up to its head, and in the end every captured change exactly once.</summary>
internal sealed class FeedIsDense(Books books, IReadOnlyList<Shop> shops) : IInvariant
{
    private static readonly string[] Sources = ["identity", "inventory", "orders", "analytics"];

    /// <summary>All queues are empty by then.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private const string PositionsSql = """
        SELECT h.position, count(f.position), count(DISTINCT f.position)
        FROM feed_heads h LEFT JOIN feed f ON f.org_id = h.org_id AND f.position > $2 AND f.position <= h.position
        WHERE h.org_id = $1 GROUP BY h.position
        """;

    /// <summary>The sum of the ids' hashes tells sets of the same size apart.</summary>
    private const string CapturedSql = "SELECT count(*), coalesce(sum(hashtextextended(id::text, 0)), 0) FROM sync_events WHERE org_id = $1";
    private const string FedSql = "SELECT count(*), coalesce(sum(hashtextextended(id::text, 0)), 0) FROM feed WHERE org_id = $1 AND service = $2";

    private readonly Dictionary<Guid, long> _seen = [];

    public string Name => "feed dense";

    public async Task Live(Findings findings, CancellationToken cancel)
    {
        foreach (var shop in shops)
        {
            await Positions(shop, _seen.GetValueOrDefault(shop.Id), findings, cancel);
        }
    }

    public async Task Quiet(Findings findings, CancellationToken cancel)
    {
        foreach (var shop in shops)
        {
            await Positions(shop, 0, findings, cancel);
            foreach (var service in Sources)
            {
                var captured = await books.Single(service, CapturedSql, Set, cancel, shop.Id);
                var fed = await books.Single("sync", FedSql, Set, cancel, shop.Id, service);
                findings.Compare(Name, $"{shop.Name}: changes {service} captured and the feed has, number and sum of hashes", captured, fed);
            }

            var mismatches = new Mismatches();
            await new CheckFeed(shop.Client, TimeProvider.System, Patience, mismatches)
                .Run(total => new Progress(TextWriter.Null, TimeProvider.System, isTerminal: false, "feed", total), cancel);
            foreach (var mismatch in mismatches.Lines)
            {
                findings.Add(Name, $"{shop.Name}: the feed as a reader gets it", "no fault", mismatch);
            }
        }

        static (long Count, decimal Sum) Set(Npgsql.NpgsqlDataReader row) => (row.GetInt64(0), row.GetDecimal(1));
    }

    private async Task Positions(Shop shop, long after, Findings findings, CancellationToken cancel)
    {
        var rows = await books.Read("sync", PositionsSql, row => (Head: row.GetInt64(0), Entries: row.GetInt64(1), Positions: row.GetInt64(2)), cancel, shop.Id, after);
        foreach (var (head, entries, positions) in rows)
        {
            findings.Compare(Name, $"{shop.Name}: entries after position {after} up to the head {head}", head - after, entries);
            findings.Compare(Name, $"{shop.Name}: different positions after {after} up to the head {head}", head - after, positions);
            _seen[shop.Id] = head;
        }
    }
}
