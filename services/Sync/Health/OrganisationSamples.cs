using Npgsql;
using NpgsqlTypes;

namespace OpsPlatform.Sync.Health;

/// <summary>Reads what is known of organisations in one round trip; row-level security of the connection's role applies besides.</summary>
internal sealed class OrganisationSamples(FeedActivity activity)
{
    /// <summary>Ids named with a table's score; the rest is at /sync/mismatches.</summary>
    private const int MaxIdsNamed = 20;

    private static readonly string TablesSql = $"""
        SELECT c.org_id, c.service, c.entity_type, c.table_name, c.source_rows, c.feed_rows, c.source_versions, c.feed_versions, c.source_hash,
            c.feed_hash, c.mismatching, c.in_flight, c.position, greatest(c.checked_at, t.checked_at),
            CASE WHEN c.mismatching = 0 THEN '{"{}"}' ELSE ARRAY(
                SELECT m.entity_id FROM mismatches m
                WHERE m.org_id = c.org_id AND m.service = c.service AND m.entity_type = c.entity_type ORDER BY m.entity_id LIMIT {MaxIdsNamed}) END
        FROM consistency c LEFT JOIN compared_tables t USING (service, entity_type)
        WHERE c.org_id = ANY ($1) ORDER BY c.service, c.entity_type
        """;

    private const string BacklogsSql = "SELECT org_id, service, pending, oldest_waits_ms, failed FROM source_backlogs WHERE org_id = ANY ($1) ORDER BY service";

    private const string CountsSql = """
        SELECT o, (SELECT count(*) FROM parked_messages p WHERE p.org_id = o AND p.queue LIKE 'sync.changes.%'), (SELECT count(*) FROM feed_holes h WHERE h.org_id = o)
        FROM unnest($1) o
        """;

    public async Task<Dictionary<Guid, OrganisationSample>> Read(NpgsqlConnection connection, Guid[] orgs, CancellationToken cancel)
    {
        var tables = new List<(Guid Org, TableState State)>();
        var backlogs = new List<(Guid Org, BacklogState State)>();
        var counts = new Dictionary<Guid, (long Parked, long Holes)>();
        await using (var batch = new NpgsqlBatch(connection))
        {
            foreach (var sql in (string[])[TablesSql, BacklogsSql, CountsSql])
            {
                batch.BatchCommands.Add(new(sql) { Parameters = { new() { Value = orgs, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid } } });
            }

            await using var row = await batch.ExecuteReaderAsync(cancel);
            while (await row.ReadAsync(cancel))
            {
                tables.Add((row.GetGuid(0), new(
                    row.GetString(1), row.GetString(2), row.GetString(3), row.GetInt64(4), row.GetInt64(5), row.GetDecimal(6), row.GetDecimal(7), row.GetDecimal(8),
                    row.GetDecimal(9), row.GetInt64(10), row.GetInt64(11), row.GetInt64(12), row.GetFieldValue<DateTimeOffset>(13), row.GetFieldValue<string[]>(14))));
            }

            await row.NextResultAsync(cancel);
            while (await row.ReadAsync(cancel))
            {
                backlogs.Add((row.GetGuid(0), new(row.GetString(1), row.GetInt64(2), row.GetInt64(3), row.GetInt64(4))));
            }

            await row.NextResultAsync(cancel);
            while (await row.ReadAsync(cancel))
            {
                counts[row.GetGuid(0)] = (row.GetInt64(1), row.GetInt64(2));
            }
        }

        var windows = await activity.Read(connection, HealthOptions.Window, orgs, cancel);
        return orgs.ToDictionary(org => org, org => new OrganisationSample(
            [.. tables.Where(x => x.Org == org).Select(x => x.State)],
            [.. backlogs.Where(x => x.Org == org).Select(x => x.State)],
            [.. windows.Where(window => window.Org == org)],
            counts[org].Parked,
            counts[org].Holes));
    }
}
