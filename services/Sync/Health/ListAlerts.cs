using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using Npgsql;
using NpgsqlTypes;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Sync.Health;

/// <summary>Every change of the organisation's level, newest first.</summary>
internal static class ListAlerts
{
    // Ids of version 7 rise with time, and so they are the order.
    private const string Sql = """
        SELECT id, level_from, level_to, reasons::text, changed_at FROM sync_alerts
        WHERE org_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3
        """;

    public sealed record Item(Guid Id, HealthLevel From, HealthLevel To, IReadOnlyList<string> Reasons, DateTimeOffset ChangedAt);

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
                        row.GetGuid(0), ChangeLevel.Parse(row.GetString(1)), ChangeLevel.Parse(row.GetString(2)),
                        JsonSerializer.Deserialize<string[]>(row.GetString(3))!, row.GetFieldValue<DateTimeOffset>(4)));
                }

                return found;
            },
            cancel);
        return TypedResults.Ok(Paging.Cut(items, size, item => item.Id.ToString()));
    }
}
