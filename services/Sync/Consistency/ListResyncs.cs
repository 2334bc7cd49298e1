using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using Npgsql;
using NpgsqlTypes;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Sync.Consistency;

/// <summary>The organisation's resyncs and previews, newest first, with what each asked for and did.</summary>
internal static class ListResyncs
{
    private const string Sql = """
        SELECT id, requested_by, requested_at, took_ms, preview, request::text, result::text FROM resyncs
        WHERE org_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3
        """;

    public sealed record Item(
        Guid Id, string RequestedBy, DateTimeOffset RequestedAt, long TookMs, bool Preview, Resync.ResyncRequest Request, Resync.Response Result);

    public static async Task<Ok<Page<Item>>> Handle(int? limit, string? cursor, Caller caller, SyncDb db, CancellationToken cancel)
    {
        var size = Paging.Limit(limit);
        var after = Paging.Decode<string>(cursor);
        var items = await db.Read(
            async connection =>
            {
                await using var read = new NpgsqlCommand(Sql, connection)
                {
                    Parameters =
                    {
                        new() { Value = caller.Org },
                        new() { Value = Guid.TryParse(after, out var id) ? id : DBNull.Value, NpgsqlDbType = NpgsqlDbType.Uuid },
                        new() { Value = size + 1 },
                    },
                };
                await using var row = await read.ExecuteReaderAsync(cancel);
                List<Item> found = [];
                while (await row.ReadAsync(cancel))
                {
                    found.Add(new(
                        row.GetGuid(0), row.GetString(1), row.GetFieldValue<DateTimeOffset>(2), row.GetInt64(3), row.GetBoolean(4),
                        JsonSerializer.Deserialize<Resync.ResyncRequest>(row.GetString(5), Json.Options)!,
                        JsonSerializer.Deserialize<Resync.Response>(row.GetString(6), Json.Options)!));
                }

                return found;
            },
            cancel);
        return TypedResults.Ok(Paging.Cut(items, size, item => item.Id.ToString()));
    }
}
