using Npgsql;
using NpgsqlTypes;
using OpsPlatform.Contracts;

namespace OpsPlatform.Sync.Feed;

/// <summary>Where an organisation's feed ends, and the first position that can still be read.</summary>
internal readonly record struct FeedHead(long Position, long Earliest)
{
    public static readonly FeedHead Empty = new(0, 1);

    /// <summary>True when a reader at this position would miss entries: retention dropped them, or the database was set back.</summary>
    public bool IsOutOfReach(long after) => after + 1 < Earliest || after > Position;
}

/// <summary>A piece of the feed and its head, seen at one moment.</summary>
internal sealed record FeedPage(FeedHead Head, FrameBatch Batch);

/// <summary>Reads the feed; row-level security of the connection's role applies besides.</summary>
internal static class FeedTable
{
    public const int MaxPage = 1_000;

    /// <summary>A filter that admits little must not make one statement walk the whole feed.</summary>
    private const int FilterWindow = 10_000;

    // One statement, so that the head and the entries come from one snapshot.
    private const string PageSql = """
        SELECT h.position, h.earliest, f.*
        FROM feed_heads h
        LEFT JOIN LATERAL (
            SELECT position, service, seq, id, event_type, category, priority, entity_type, entity_id, row_version, operation,
                data::text, changed::text, metadata::text, captured_at
            FROM feed
            WHERE org_id = $1 AND position > $2 AND position <= $3
                AND (cardinality($4) = 0 OR entity_type = ANY ($4)) AND (cardinality($5) = 0 OR event_type = ANY ($5))
            ORDER BY position
            LIMIT $6) f ON true
        WHERE h.org_id = $1
        ORDER BY f.position
        """;

    public static async Task<FeedPage> ReadPage(
        NpgsqlConnection connection, Guid org, long after, int limit, FeedFilter filter, CancellationToken cancel)
    {
        var window = after + (filter.AdmitsAll ? limit : Math.Max(limit, FilterWindow));
        await using var command = new NpgsqlCommand(PageSql, connection)
        {
            Parameters =
            {
                new() { Value = org },
                new() { Value = after },
                new() { Value = window },
                new() { Value = filter.EntityTypes },
                new() { Value = filter.EventTypes },
                new() { Value = (long)limit },
            },
        };
        await using var rows = await command.ExecuteReaderAsync(cancel);
        using var frames = new FrameWriter(0);
        var head = FeedHead.Empty;
        while (await rows.ReadAsync(cancel))
        {
            head = new(rows.GetInt64(0), rows.GetInt64(1));
            if (!await rows.IsDBNullAsync(2, cancel))
            {
                frames.Add(rows.GetInt64(2), rows.GetString(3), ReadChange(rows, org));
            }
        }

        var upTo = frames.Count == limit ? frames.LastPosition : Math.Max(after, Math.Min(head.Position, window));
        return new(head, frames.ToBatch(after, upTo));
    }

    /// <returns>The heads of those organisations that have entries.</returns>
    public static async Task<Dictionary<Guid, FeedHead>> ReadHeads(NpgsqlConnection connection, Guid[] orgs, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("SELECT org_id, position, earliest FROM feed_heads WHERE org_id = ANY ($1)", connection)
        {
            Parameters = { new() { Value = orgs, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid } },
        };
        await using var rows = await command.ExecuteReaderAsync(cancel);
        var heads = new Dictionary<Guid, FeedHead>();
        while (await rows.ReadAsync(cancel))
        {
            heads[rows.GetGuid(0)] = new(rows.GetInt64(1), rows.GetInt64(2));
        }

        return heads;
    }

    private static CapturedChange ReadChange(NpgsqlDataReader rows, Guid org) => new(
        Seq: rows.GetInt64(4),
        Id: rows.GetGuid(5),
        OrgId: org,
        EventType: rows.GetString(6),
        Category: rows.GetString(7),
        Priority: rows.GetString(8),
        EntityType: rows.GetString(9),
        EntityId: rows.GetString(10),
        RowVersion: rows.GetInt64(11),
        Operation: rows.GetString(12),
        Data: rows.GetString(13),
        Changed: rows.GetString(14),
        Metadata: rows.GetString(15),
        CapturedAt: rows.GetFieldValue<DateTimeOffset>(16));
}
