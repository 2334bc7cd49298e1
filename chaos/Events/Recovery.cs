using System.Diagnostics;
using Npgsql;
using OpsPlatform.Chaos.Invariants;
using OpsPlatform.Chaos.Load;
using OpsPlatform.Chaos.Running;

namespace OpsPlatform.Chaos.Events;

/// <summary>
/// Waits until the system is back: every process healthy, what had not been sent when the injury ended is sent, what was undecided is
/// decided, and a new order of every shop is decided, on the feed and counted.
/// </summary>
internal sealed class Recovery(Target target, BrokerApi broker, Books books, IReadOnlyList<Shop> shops, int seed)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);
    private readonly Guid[] _orgs = [.. shops.Select(shop => shop.Id)];
    private int _probes;

    /// <param name="hurtAt">When the injury ended.</param>
    /// <returns>In words how long it took; and what is still missing when patience ended first.</returns>
    public async Task<(string Took, string? Missing)> Await(string victim, int? ended, DateTime hurtAt, CancellationToken cancel)
    {
        var since = Stopwatch.GetTimestamp();
        List<string> took = [];
        var missing = Noted("healthy", await Until(() => Task.FromResult(Sick(victim, ended)), since, cancel))
            ?? await Until(async () => await broker.Answers(cancel) ? null : "RabbitMQ's management does not answer", since, cancel)
            ?? Noted("sent", await Until(() => Unsent(hurtAt, cancel), since, cancel))
            ?? Noted("decided", await Undecided(since, cancel));
        foreach (var shop in shops)
        {
            missing ??= await Probe(shop, since, cancel);
        }

        return (FormattableString.Invariant($"{(missing is null ? "back" : $"NOT back ({missing})")} after {Seconds()} s ({string.Join(", ", took)})"), missing);

        string Seconds() => FormattableString.Invariant($"{Stopwatch.GetElapsedTime(since).TotalSeconds:0.0}");

        string? Noted(string stage, string? left)
        {
            took.Add($"{stage} {Seconds()}");
            return left;
        }
    }

    private static async Task<string?> Until(Func<Task<string?>> missing, long since, CancellationToken cancel)
    {
        while (true)
        {
            string? left;
            try
            {
                left = await missing();
            }
            catch (NpgsqlException away)
            {
                left = $"the database: {away.Message}";
            }

            if (left is null || Stopwatch.GetElapsedTime(since) > Patience)
            {
                return left;
            }

            await Task.Delay(Interval, cancel);
        }
    }

    private string? Sick(string victim, int? ended)
    {
        var all = target.Look();
        return all.FirstOrDefault(instance => instance.Name == victim)?.ProcessId == ended && ended is not null ? $"{victim} is not replaced"
            : all.Count == 0 ? "nobody is listed"
            : all.FirstOrDefault(instance => instance.Health != "Healthy") is { } sick ? $"{sick.Name} is {sick.Health}"
            : null;
    }

    private async Task<string?> Unsent(DateTime hurtAt, CancellationToken cancel)
    {
        foreach (var service in Books.Services)
        {
            var unsent = (await books.Once(
                service,
                """
                SELECT (SELECT count(*) FROM outbox WHERE org_id = ANY($1) AND status = 'pending' AND created_at < $2)
                  + (SELECT count(*) FROM sync_events WHERE org_id = ANY($1) AND sync_status = 'pending' AND created_at < $2)
                """,
                row => row.GetInt64(0),
                cancel,
                _orgs,
                hurtAt)).Single();
            if (unsent > 0)
            {
                return $"{unsent} rows of {service} from before are not sent";
            }
        }

        return null;
    }

    private async Task<string?> Undecided(long since, CancellationToken cancel)
    {
        Guid[]? waiting = null;
        return await Until(
            async () =>
            {
                waiting = [.. await books.Once(
                    "orders", "SELECT id FROM orders WHERE org_id = ANY($1) AND status IN ('confirming', 'cancelling') AND ($2::uuid[] IS NULL OR id = ANY($2))",
                    row => row.GetGuid(0), cancel, _orgs, (object?)waiting ?? DBNull.Value)];
                return waiting.Length == 0 ? null : $"{waiting.Length} orders from before are not decided, such as {waiting[0]}";
            },
            since,
            cancel);
    }

    private async Task<string?> Probe(Shop shop, long since, CancellationToken cancel)
    {
        if (await new Worker(shop, seed + _probes++).PlaceAndWait(cancel) is not { } order)
        {
            // Rejected: decided, and that is an answer.
            return null;
        }

        return await Until(
            async () => await Shows("orders", "SELECT count(*) FROM orders WHERE id = $1 AND status NOT IN ('placed', 'confirming')") ? null : $"order {order} is not decided",
            since, cancel)
            ?? await Until(
                async () => await Shows("sync", "SELECT count(*) FROM feed WHERE org_id = $2 AND entity_id = $1::text AND data ->> 'status' NOT IN ('placed', 'confirming') AND captured_at > now() - interval '1 hour'")
                    ? null : $"the decision on order {order} is not on the feed",
                since, cancel)
            ?? await Until(
                async () => await Shows("analytics", "SELECT count(*) FROM order_facts WHERE org_id = $2 AND order_id = $1") ? null : $"analytics has not counted order {order}",
                since, cancel);

        async Task<bool> Shows(string database, string sql) =>
            (await books.Once(database, sql, row => row.GetInt64(0), cancel, sql.Contains("$2") ? [order, shop.Id] : [order])).Single() > 0;
    }
}
