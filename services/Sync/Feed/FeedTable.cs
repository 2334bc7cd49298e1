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

    private const string Columns = """
        position, service, seq, id, event_type, category, priority, entity_type, entity_id, row_version, operation,
        data::text, changed::text, metadata::text, captured_at
        """;

    // One statement, so that the head and the entries come from one snapshot.
    private const string PageSql = $"""
        SELECT h.position, h.earliest, f.*
        FROM feed_heads h
        LEFT JOIN LATERAL (
            SELECT {Columns}
            FROM feed
            WHERE org_id = $1 AND position > $2 AND position <= $3
                AND (cardinality($4) = 0 OR entity_type = ANY ($4)) AND (cardinality($5) = 0 OR event_type = ANY ($5))
            ORDER BY position
            LIMIT $6) f ON true
        WHERE h.org_id = $1
        ORDER BY f.position
        """;

    private const string PagesSql = $"""
        SELECT w.n, h.position, h.earliest, f.*
        FROM unnest($1::uuid[], $2::bigint[]) WITH ORDINALITY AS w (org_id, after, n)
        JOIN feed_heads h ON h.org_id = w.org_id
        LEFT JOIN LATERAL (
            SELECT {Columns}
            FROM feed
            WHERE org_id = w.org_id AND position > w.after AND position <= w.after + $3
            ORDER BY position
            LIMIT $3) f ON true
        ORDER BY w.n, f.position
        """;

    /// <summary>Reads on in the feeds of several organisations at once, in all up to <see cref="MaxPage"/> entries.</summary>
    /// <param name="relay">Its role sees all organisations.</param>
    /// <returns>A page for each, in their order.</returns>
    public static async Task<IReadOnlyList<FeedPage>> ReadPages(NpgsqlDataSource relay, IReadOnlyList<(Guid Org, long After)> wanted, CancellationToken cancel)
    {
        if (wanted.Count == 0)
        {
            return [];
        }

        var limit = Math.Max(1, MaxPage / wanted.Count);
        await using var command = relay.CreateCommand(PagesSql);
        command.Parameters.Add(new() { Value = wanted.Select(x => x.Org).ToArray() });
        command.Parameters.Add(new() { Value = wanted.Select(x => x.After).ToArray() });
        command.Parameters.Add(new() { Value = (long)limit });
        var pages = wanted.Select(x => new FeedPage(FeedHead.Empty, new(x.After, x.After, [], default))).ToArray();
        await using var rows = await command.ExecuteReaderAsync(cancel);
        for (var more = await rows.ReadAsync(cancel); more;)
        {
            var n = (int)rows.GetInt64(0) - 1;
            var (org, after) = wanted[n];
            var head = new FeedHead(rows.GetInt64(1), rows.GetInt64(2));
            using var frames = new FrameWriter(0);
            for (; more && rows.GetInt64(0) - 1 == n; more = await rows.ReadAsync(cancel))
            {
                if (!await rows.IsDBNullAsync(3, cancel))
                {
                    frames.Add(rows.GetInt64(3), rows.GetString(4), ReadChange(rows, 5, org));
                }
            }

            pages[n] = Page(head, frames, after, limit, after + limit);
        }

        return pages;
    }

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
                frames.Add(rows.GetInt64(2), rows.GetString(3), ReadChange(rows, 4, org));
            }
        }

        return Page(head, frames, after, limit, window);
    }

    private static FeedPage Page(FeedHead head, FrameWriter frames, long after, int limit, long window) =>
        new(head, frames.ToBatch(after, frames.Count == limit ? frames.LastPosition : Math.Max(after, Math.Min(head.Position, window))));

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

    /// <param name="first">The column of its seq.</param>
    private static CapturedChange ReadChange(NpgsqlDataReader rows, int first, Guid org) => new(
        Seq: rows.GetInt64(first),
        Id: rows.GetGuid(first + 1),
        OrgId: org,
        EventType: rows.GetString(first + 2),
        Category: rows.GetString(first + 3),
        Priority: rows.GetString(first + 4),
        EntityType: rows.GetString(first + 5),
        EntityId: rows.GetString(first + 6),
        RowVersion: rows.GetInt64(first + 7),
        Operation: rows.GetString(first + 8),
        Data: rows.GetString(first + 9),
        Changed: rows.GetString(first + 10),
        Metadata: rows.GetString(first + 11),
        CapturedAt: rows.GetFieldValue<DateTimeOffset>(first + 12));
}
