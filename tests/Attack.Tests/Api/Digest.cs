namespace OpsPlatform.Attack.Tests.Api;

/// <summary>What stands in the tables of all services, so small that two can be compared.</summary>
public static class Digest
{
    /// <summary>What changes without any request, or rightly by a refused one. Say why.</summary>
    private static readonly HashSet<string> Passing =
    [
        // How far a change or message has travelled, and that it arrived.
        "sync_status", "processed_at", "attempts", "next_attempt_at",
        // Who sends a webhook holds it meanwhile.
        "leased_until", "fence", "failing_since",
        // A wrong password is counted.
        "access_failed_count", "lockout_end", "last_used_at", "last_seen_at",
    ];

    /// <summary>Tables that services write by themselves. Say why.</summary>
    private static readonly HashSet<string> Restless =
    [
        // Sent messages leave it, whoever wrote them.
        "outbox",
        // What has been applied is counted where it was applied.
        "inbox",
        // A number is given out before the order is looked at; that of a refused one is left out.
        "order_numbers",
        // Refused sign-ins are written down, and counted.
        "audit_entries", "sign_in_failures",
        // Heartbeats, and when a session was last seen.
        "instances", "health_history",
        // Sync measures and compares by itself, all the time.
        "feed_activity", "feed_applied", "feed_counts", "consistency", "source_backlogs", "sources", "compared_tables", "sync_health", "sync_alerts", "system_metrics", "feed_markers", "feed_rows", "relay_demand", "mismatches",
        // When what was changed before went which way is written down a second or two later.
        "hops",
        // Alerts are raised of what stands still, some time after it did; webhooks are sent, and sent again when nobody takes them.
        "alerts", "webhook_deliveries",
        // What was done to operations is signed some minutes later.
        "timeline_checkpoints",
        // An answer to a keyed request that was refused for what it asked is kept, and given again.
        "idempotent_answers",
    ];

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Stillness = TimeSpan.FromMilliseconds(400);

    /// <param name="org">Only this organisation's rows; null for all rows of all tables.</param>
    /// <returns>A digest per table, once nothing is on its way any more and two looks agree.</returns>
    public static async Task<SortedDictionary<string, string>> Of(AttackSystem system, Guid? org = null)
    {
        var deadline = DateTime.UtcNow + Patience;
        var last = await Look(system, org);
        while (true)
        {
            await Task.Delay(Stillness);
            var pending = await Pending(system);
            var now = await Look(system, org);
            if (pending == 0 && Differences(last, now).Count == 0)
            {
                return now;
            }

            if (DateTime.UtcNow > deadline)
            {
                throw new TimeoutException(
                    $"The tables do not come to rest: {pending} on their way, changing: {string.Join(", ", Differences(last, now))}. A table a service writes by itself belongs into Digest.Restless.");
            }

            last = now;
        }
    }

    public static IReadOnlyList<string> Differences(SortedDictionary<string, string> before, SortedDictionary<string, string> after) =>
        [.. before.Keys.Union(after.Keys).Where(table => before.GetValueOrDefault(table) != after.GetValueOrDefault(table))
            .Select(table => $"{table}: {before.GetValueOrDefault(table)} -> {after.GetValueOrDefault(table)}")];

    private static async Task<SortedDictionary<string, string>> Look(AttackSystem system, Guid? org)
    {
        SortedDictionary<string, string> digests = [];
        foreach (var (service, database) in system.Databases)
        {
            var tables = await database.Read("""
                SELECT c.relname, (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname IN ('org_id', 'organisation_id') ORDER BY 1 DESC LIMIT 1)
                FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
                """, row => (Name: row.GetString(0), Org: row.IsDBNull(1) ? null : row.GetString(1)));
            var passing = string.Join(',', Passing.Select(column => $"'{column}'"));
            var looks = tables.Where(table => !Restless.Contains(table.Name) && (org is null || table.Org is not null)).Select(table => $"""
                SELECT '{service}.{table.Name}', count(*) || ' rows ' || coalesce(sum(hashtextextended((to_jsonb(t) - ARRAY[{passing}])::text, 0)::numeric), 0)
                FROM "{table.Name}" t {(org is null ? "" : $"WHERE \"{table.Org}\" = '{org}'")}
                """);
            foreach (var (table, digest) in await database.Read(string.Join(" UNION ALL ", looks), row => (row.GetString(0), row.GetString(1))))
            {
                digests[table] = digest;
            }
        }

        return digests;
    }

    private static async Task<long> Pending(AttackSystem system)
    {
        var pending = 0L;
        foreach (var database in system.Databases.Values)
        {
            pending += (await database.Read(
                "SELECT (SELECT count(*) FROM outbox WHERE status = 'pending') + (SELECT count(*) FROM sync_events WHERE sync_status = 'pending')", row => row.GetInt64(0)))[0];
        }

        return pending;
    }
}
