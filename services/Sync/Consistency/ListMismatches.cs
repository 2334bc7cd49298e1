using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Npgsql;
using NpgsqlTypes;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Sync.Consistency;

/// <summary>The rows that the last comparison proved to differ between their table and the feed.</summary>
internal static class ListMismatches
{
    private const string Sql = """
        SELECT service, entity_type, entity_id, kind, source_version, feed_version, found_at FROM mismatches
        WHERE org_id = $1 AND ($2::text IS NULL OR service = $2) AND ($3::text IS NULL OR entity_type = $3)
            AND ($4::text IS NULL OR (service, entity_type, entity_id) > ($4, $5, $6))
        ORDER BY service, entity_type, entity_id LIMIT $7
        """;

    public sealed record ListMismatchesRequest([property: MaxLength(100)] string? Service, [property: MaxLength(100)] string? EntityType, int? Limit, string? Cursor);

    public sealed record Item(string Service, string EntityType, string Id, MismatchKind Kind, long? SourceVersion, long? FeedVersion, DateTimeOffset FoundAt);

    private sealed record Key(string Service, string EntityType, string Id);

    public static async Task<Ok<Page<Item>>> Handle([AsParameters] ListMismatchesRequest request, Caller caller, SyncDb db, CancellationToken cancel)
    {
        var limit = Paging.Limit(request.Limit);
        var after = Paging.Decode<Key>(request.Cursor);
        var items = await db.Read(
            async connection =>
            {
                await using var read = new NpgsqlCommand(Sql, connection)
                {
                    Parameters =
                    {
                        new() { Value = caller.Org }, Text(request.Service), Text(request.EntityType),
                        Text(after?.Service), Text(after?.EntityType), Text(after?.Id), new() { Value = limit + 1 },
                    },
                };
                await using var row = await read.ExecuteReaderAsync(cancel);
                List<Item> found = [];
                while (await row.ReadAsync(cancel))
                {
                    found.Add(new(
                        row.GetString(0), row.GetString(1), row.GetString(2), Enum.Parse<MismatchKind>(row.GetString(3), true),
                        row.IsDBNull(4) ? null : row.GetInt64(4), row.IsDBNull(5) ? null : row.GetInt64(5), row.GetFieldValue<DateTimeOffset>(6)));
                }

                return found;
            },
            cancel);
        return TypedResults.Ok(Paging.Cut(items, limit, item => new Key(item.Service, item.EntityType, item.Id)));
    }

    private static NpgsqlParameter Text(string? value) => new() { Value = (object?)value ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text };
}
