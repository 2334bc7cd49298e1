using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using Npgsql;
using NpgsqlTypes;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Sync.Health;

/// <summary>The organisation's latest feed entries, newest first.</summary>
internal static class ListEvents
{
    /// <summary>A filter that admits little must not make one request walk the whole feed: the cursor goes on behind it.</summary>
    private const int Window = 20_000;

    private const string Sql = """
        SELECT h.position AS head, h.earliest, f.*
        FROM feed_heads h
        LEFT JOIN LATERAL (
            SELECT position, id, service, event_type, category, priority, entity_type, entity_id, row_version, operation,
                data::text, changed::text, metadata::text, captured_at
            FROM feed
            WHERE org_id = $1 AND position < coalesce($2, h.position + 1) AND position >= greatest(h.earliest, coalesce($2, h.position + 1) - $7)
                AND ($3::text IS NULL OR service = $3) AND ($4::text IS NULL OR entity_type = $4) AND ($5::text IS NULL OR event_type = $5)
            ORDER BY position DESC LIMIT $6) f ON true
        WHERE h.org_id = $1 ORDER BY f.position DESC
        """;

    public sealed record ListEventsRequest(
        [property: MaxLength(100)] string? Service, [property: MaxLength(100)] string? EntityType, [property: MaxLength(200)] string? EventType,
        [property: RegularExpression("processed|pending|failed", ErrorMessage = "must be processed, pending or failed")] string? Status, int? Limit, string? Cursor);

    /// <param name="Position">Its place in the organisation's feed; null for a change that is not there yet.</param>
    /// <param name="Status">processed: it is in the feed; pending: it waits at its service; failed: it was set aside there, see Error.</param>
    public sealed record Item(
        long? Position, Guid Id, string Service, string EventType, string Category, string Priority, string EntityType, string EntityId, long RowVersion,
        string Operation, string Status, JsonElement? Data, JsonElement? Changed, JsonElement? Metadata, DateTimeOffset CapturedAt, int Attempts = 0, string? Error = null);

    public static async Task<Ok<Page<Item>>> Handle(
        [AsParameters] ListEventsRequest request, Caller caller, SyncDb db, ListUnsentEvents unsent, CancellationToken cancel)
    {
        var limit = Paging.Limit(request.Limit);
        if (request.Status is "pending" or "failed")
        {
            return TypedResults.Ok(await unsent.List(caller.Org, request, limit, cancel));
        }

        var before = Paging.Decode<long?>(request.Cursor);
        return TypedResults.Ok(await db.Read(connection => Read(connection, caller.Org, request, limit, before, cancel), cancel));
    }

    private static async Task<Page<Item>> Read(
        NpgsqlConnection connection, Guid org, ListEventsRequest request, int limit, long? before, CancellationToken cancel)
    {
        await using var read = new NpgsqlCommand(Sql, connection)
        {
            Parameters =
            {
                new() { Value = org },
                new() { Value = (object?)before ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Bigint },
                Text(request.Service), Text(request.EntityType), Text(request.EventType),
                new() { Value = limit },
                new() { Value = (long)Window },
            },
        };
        await using var row = await read.ExecuteReaderAsync(cancel);
        List<Item> found = [];
        var (head, earliest) = (0L, 1L);
        while (await row.ReadAsync(cancel))
        {
            (head, earliest) = (row.GetInt64(0), row.GetInt64(1));
            if (!row.IsDBNull(2))
            {
                found.Add(new(
                    row.GetInt64(2), row.GetGuid(3), row.GetString(4), row.GetString(5), row.GetString(6), row.GetString(7), row.GetString(8), row.GetString(9),
                    row.GetInt64(10), row.GetString(11), "processed", Json(row.GetString(12)), Json(row.GetString(13)), Json(row.GetString(14)),
                    row.GetFieldValue<DateTimeOffset>(15)));
            }
        }

        var reached = found.Count == limit ? found[^1].Position!.Value : Math.Max(earliest, (before ?? (head + 1)) - Window);
        return new(found, reached > earliest ? Paging.Encode<long?>(reached) : null);
    }

    private static NpgsqlParameter Text(string? value) => new() { Value = (object?)value ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text };

    private static JsonElement Json(string text) => JsonSerializer.Deserialize<JsonElement>(text);
}
