using Npgsql;
using NpgsqlTypes;

namespace OpsPlatform.Sync.Consistency;

/// <summary>Keeps the last comparison of every table and organisation, and the rows it proved wrong.</summary>
internal sealed class ComparisonTable([FromKeyedServices("relay")] NpgsqlDataSource relay, TimeProvider time)
{
    /// <summary>Of one organisation's table; more are counted, but not listed.</summary>
    private const int MaxListed = 5_000;

    // Who has nothing new to say is not written again: with no changes a comparison leaves no trace but its time.
    private const string SaveSql = """
        INSERT INTO consistency AS c (org_id, service, entity_type, table_name, source_rows, feed_rows, source_versions, feed_versions,
            source_hash, feed_hash, mismatching, in_flight, position, checked_at)
        SELECT u.*, $14 FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::numeric[], $8::numeric[],
            $9::numeric[], $10::numeric[], $11::bigint[], $12::bigint[], $13::bigint[]) u
        ON CONFLICT (org_id, service, entity_type) DO UPDATE SET
            table_name = excluded.table_name, source_rows = excluded.source_rows, feed_rows = excluded.feed_rows,
            source_versions = excluded.source_versions, feed_versions = excluded.feed_versions, source_hash = excluded.source_hash,
            feed_hash = excluded.feed_hash, mismatching = excluded.mismatching, in_flight = excluded.in_flight,
            position = excluded.position, checked_at = excluded.checked_at
        WHERE (c.source_hash, c.feed_hash, c.source_rows, c.feed_rows, c.mismatching, c.in_flight, c.position)
            IS DISTINCT FROM (excluded.source_hash, excluded.feed_hash, excluded.source_rows, excluded.feed_rows, excluded.mismatching,
                excluded.in_flight, excluded.position)
        """;

    private const string ForgetSql = """
        DELETE FROM mismatches m USING unnest($1::uuid[], $2::text[], $3::text[]) AS k (org_id, service, entity_type)
        WHERE (m.org_id, m.service, m.entity_type) = (k.org_id, k.service, k.entity_type)
        """;

    private const string ListSql = """
        INSERT INTO mismatches (org_id, service, entity_type, entity_id, kind, source_version, feed_version, found_at)
        SELECT $1, $2, $3, u.*, $8 FROM unnest($4::text[], $5::text[], $6::bigint[], $7::bigint[]) u
        """;

    private const string ComparedSql = """
        INSERT INTO compared_tables VALUES ($1, $2, $3, $4)
        ON CONFLICT (service, entity_type) DO UPDATE SET checked_at = excluded.checked_at, took_ms = excluded.took_ms
        """;

    public async Task Save(IReadOnlyList<Comparison> results, CancellationToken cancel)
    {
        if (results.Count == 0)
        {
            return;
        }

        await using var connection = await relay.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await using var batch = new NpgsqlBatch(connection, transaction);
        batch.BatchCommands.Add(new(SaveSql)
        {
            Parameters =
            {
                Column(results, x => x.Table.Org), Column(results, x => x.Table.Service), Column(results, x => x.Table.EntityType), Column(results, x => x.TableName),
                Column(results, x => x.Source.Rows), Column(results, x => x.Feed.Rows), Column(results, x => x.Source.Versions), Column(results, x => x.Feed.Versions),
                Column(results, x => x.Source.Hash), Column(results, x => x.Feed.Hash), Column(results, x => x.Mismatching), Column(results, x => x.InFlight),
                Column(results, x => x.Position), new() { Value = time.GetUtcNow() },
            },
        });
        batch.BatchCommands.Add(new(ForgetSql)
        {
            Parameters = { Column(results, x => x.Table.Org), Column(results, x => x.Table.Service), Column(results, x => x.Table.EntityType) },
        });
        foreach (var result in results.Where(result => result.Mismatches.Count > 0))
        {
            var listed = result.Mismatches.Take(MaxListed).DistinctBy(mismatch => mismatch.Id).ToArray();
            batch.BatchCommands.Add(new(ListSql)
            {
                Parameters =
                {
                    new() { Value = result.Table.Org }, new() { Value = result.Table.Service }, new() { Value = result.Table.EntityType },
                    Column(listed, x => x.Id), Column(listed, x => x.Kind.ToString().ToLowerInvariant()),
                    Versions(listed, x => x.SourceVersion), Versions(listed, x => x.FeedVersion),
                    new() { Value = time.GetUtcNow() },
                },
            });
        }

        await batch.ExecuteNonQueryAsync(cancel);
        await transaction.CommitAsync(cancel);
    }

    public async Task Compared(string service, string entityType, TimeSpan took, CancellationToken cancel)
    {
        await using var note = relay.CreateCommand(ComparedSql);
        note.Parameters.Add(new() { Value = service });
        note.Parameters.Add(new() { Value = entityType });
        note.Parameters.Add(new() { Value = time.GetUtcNow() });
        note.Parameters.Add(new() { Value = (long)took.TotalMilliseconds });
        await note.ExecuteNonQueryAsync(cancel);
    }

    private static NpgsqlParameter<TColumn[]> Column<T, TColumn>(IReadOnlyList<T> items, Func<T, TColumn> value) => new() { TypedValue = [.. items.Select(value)] };

    private static NpgsqlParameter Versions(IReadOnlyList<Mismatch> items, Func<Mismatch, long?> value) =>
        new() { Value = items.Select(value).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint };
}
