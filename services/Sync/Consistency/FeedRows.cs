using Npgsql;
using OpsPlatform.ServiceDefaults.Consistency;

namespace OpsPlatform.Sync.Consistency;

/// <summary>A row as the feed has it.</summary>
internal readonly record struct FeedRow(long RowVersion, bool Deleted);

/// <summary>Digests of what the feed says of every row, made in the same way as the services digest their tables.</summary>
internal sealed class FeedRows([FromKeyedServices("relay")] NpgsqlDataSource relay)
{
    /// <summary>Another number than before says that some row was written, by whatever means.</summary>
    public async Task<long> Writes(CancellationToken cancel)
    {
        await using var read = relay.CreateCommand("SELECT n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables WHERE schemaname = 'public' AND relname = 'feed_rows'");
        return await read.ExecuteScalarAsync(cancel) as long? ?? 0;
    }

    public async Task<Dictionary<Guid, RowDigest>> Organisations(string service, string entityType, CancellationToken cancel)
    {
        await using var read = relay.CreateCommand($"""
            SELECT org_id::text, {DigestSql.Numbers("entity_id", "row_version")} FROM feed_rows
            WHERE service = $1 AND entity_type = $2 AND deleted_at IS NULL GROUP BY org_id
            """);
        read.Parameters.Add(new() { Value = service });
        read.Parameters.Add(new() { Value = entityType });
        return (await Read(read, cancel)).ToDictionary(digest => Guid.Parse(digest.Key));
    }

    public async Task<IReadOnlyList<RowDigest>> Buckets(TableKey table, int buckets, CancellationToken cancel)
    {
        await using var read = Of(table, $"""
            SELECT {DigestSql.Bucket("entity_id", "$4")}::text, {DigestSql.Numbers("entity_id", "row_version")} FROM feed_rows
            WHERE service = $1 AND entity_type = $2 AND org_id = $3 AND deleted_at IS NULL GROUP BY 1
            """);
        read.Parameters.Add(new() { Value = buckets });
        return await Read(read, cancel);
    }

    public async Task<Dictionary<string, FeedRow>> Rows(TableKey table, int buckets, IReadOnlyCollection<long> inBuckets, CancellationToken cancel)
    {
        await using var read = Of(table, $"""
            SELECT entity_id, row_version, deleted_at IS NOT NULL FROM feed_rows
            WHERE service = $1 AND entity_type = $2 AND org_id = $3 AND {DigestSql.Bucket("entity_id", "$4")} = ANY ($5)
            """);
        read.Parameters.Add(new() { Value = buckets });
        read.Parameters.Add(new() { Value = inBuckets.ToArray() });
        return await ReadRows(read, cancel);
    }

    public async Task<Dictionary<string, FeedRow>> Rows(TableKey table, IReadOnlyCollection<string> ids, CancellationToken cancel)
    {
        await using var read = Of(table, """
            SELECT entity_id, row_version, deleted_at IS NOT NULL FROM feed_rows WHERE service = $1 AND entity_type = $2 AND org_id = $3 AND entity_id = ANY ($4)
            """);
        read.Parameters.Add(new() { Value = ids.ToArray() });
        return await ReadRows(read, cancel);
    }

    private NpgsqlCommand Of(TableKey table, string sql)
    {
        var command = relay.CreateCommand(sql);
        command.Parameters.Add(new() { Value = table.Service });
        command.Parameters.Add(new() { Value = table.EntityType });
        command.Parameters.Add(new() { Value = table.Org });
        return command;
    }

    private static async Task<List<RowDigest>> Read(NpgsqlCommand command, CancellationToken cancel)
    {
        await using var row = await command.ExecuteReaderAsync(cancel);
        List<RowDigest> found = [];
        while (await row.ReadAsync(cancel))
        {
            found.Add(new(row.GetString(0), row.GetInt64(1), row.GetDecimal(2), row.GetDecimal(3)));
        }

        return found;
    }

    private static async Task<Dictionary<string, FeedRow>> ReadRows(NpgsqlCommand command, CancellationToken cancel)
    {
        await using var row = await command.ExecuteReaderAsync(cancel);
        Dictionary<string, FeedRow> found = [];
        while (await row.ReadAsync(cancel))
        {
            found[row.GetString(0)] = new(row.GetInt64(1), row.GetBoolean(2));
        }

        return found;
    }
}
