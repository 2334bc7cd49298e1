using OpsPlatform.Chaos.Load;
using OpsPlatform.Chaos.Running;

namespace OpsPlatform.Chaos.Invariants;

/// <summary>Nothing was set aside, no caller was refused without reason; and in the end nothing waits to be sent or heard.</summary>
internal sealed class NothingLeftOver(Books books, BrokerApi broker, Crowd crowd) : IInvariant
{
    private readonly Guid[] _orgs = [.. crowd.Shops.Select(shop => shop.Id)];
    private readonly DateTime _since = DateTime.UtcNow;

    public string Name => "nothing left over";

    public async Task Live(Findings findings, CancellationToken cancel)
    {
        foreach (var service in Books.Services)
        {
            var parked = await books.Read(
                service, "SELECT queue, error FROM parked_messages WHERE org_id = ANY($1) OR (org_id IS NULL AND created_at > $2)",
                row => $"{row.GetString(0)}: {row.GetString(1)}", cancel, _orgs, _since);
            findings.Compare(Name, $"messages parked at {service}", "none", parked.Count == 0 ? "none" : $"{parked.Count}, such as {parked[0]}");
            var failed = await books.Number(
                service, "SELECT (SELECT count(*) FROM outbox WHERE org_id = ANY($1) AND status = 'failed') + (SELECT count(*) FROM sync_events WHERE org_id = ANY($1) AND sync_status = 'failed')",
                cancel, [_orgs]);
            findings.Compare(Name, $"rows {service} could not send", 0L, failed);
        }

        foreach (var refusal in crowd.Shops.SelectMany(shop => shop.Ledger.Refusals).Concat(crowd.Replays.Failures))
        {
            findings.Add(Name, "callers", "an answer they can use", refusal);
        }
    }

    public async Task Quiet(Findings findings, CancellationToken cancel)
    {
        await Live(findings, cancel);
        foreach (var service in Books.Services)
        {
            findings.Compare(Name, $"rows {service} has still to send", 0L, await Unsent(service, cancel));
        }

        foreach (var (queue, depth) in await broker.Depths(cancel))
        {
            findings.Compare(Name, $"messages in {queue}", 0L, depth);
        }
    }

    /// <summary>Whether the end has been reached: nothing to send, nothing to hear, nothing to decide.</summary>
    public async Task<string?> StillUnderWay(CancellationToken cancel)
    {
        foreach (var service in Books.Services)
        {
            if (await Unsent(service, cancel) is > 0 and var unsent)
            {
                return $"{unsent} rows of {service} are not sent";
            }
        }

        if (await OperationsEnd.UnderWay(books, _orgs, cancel) is { } operation)
        {
            return operation;
        }

        var undecided = await books.Number("orders", "SELECT count(*) FROM orders WHERE org_id = ANY($1) AND status IN ('confirming', 'cancelling')", cancel, [_orgs]);
        return undecided > 0
            ? $"{undecided} orders are not decided"
            : (await broker.Depths(cancel)).FirstOrDefault(queue => queue.Value > 0) is { Key: { } name } full ? $"{full.Value} messages are in {name}" : null;
    }

    private Task<long> Unsent(string service, CancellationToken cancel) => books.Number(
        service,
        "SELECT (SELECT count(*) FROM outbox WHERE org_id = ANY($1) AND status = 'pending') + (SELECT count(*) FROM sync_events WHERE org_id = ANY($1) AND sync_status = 'pending')",
        cancel, [_orgs]);
}
