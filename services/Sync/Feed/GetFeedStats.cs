using Microsoft.AspNetCore.Http.HttpResults;
using Npgsql;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Sync.Feed;

/// <summary>Counts the organisation's entries that are kept: without holes they are head - earliest + 1.</summary>
internal static class GetFeedStats
{
    private const string Sql = """
        SELECT h.position, h.earliest, s.service, s.entries, s.captured_at_last
        FROM feed_heads h
        LEFT JOIN (
            SELECT f.service, count(*) AS entries, max(f.captured_at) AS captured_at_last
            FROM feed f JOIN feed_heads e USING (org_id)
            WHERE f.org_id = $1 AND f.position >= e.earliest
            GROUP BY f.service) s ON true
        WHERE h.org_id = $1
        ORDER BY s.service
        """;

    public sealed record ServiceStats(string Service, long Entries, DateTimeOffset CapturedAtLast);

    public sealed record Response(long Head, long Earliest, long Entries, IReadOnlyList<ServiceStats> Services);

    public static async Task<Ok<Response>> Handle(Caller caller, SyncDb db, CancellationToken cancel) =>
        TypedResults.Ok(await db.Read(connection => Read(connection, caller.Org, cancel), cancel));

    private static async Task<Response> Read(NpgsqlConnection connection, Guid org, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(Sql, connection) { Parameters = { new() { Value = org } } };
        await using var rows = await command.ExecuteReaderAsync(cancel);
        var head = FeedHead.Empty;
        var services = new List<ServiceStats>();
        while (await rows.ReadAsync(cancel))
        {
            head = new(rows.GetInt64(0), rows.GetInt64(1));
            if (!await rows.IsDBNullAsync(2, cancel))
            {
                services.Add(new(rows.GetString(2), rows.GetInt64(3), rows.GetFieldValue<DateTimeOffset>(4)));
            }
        }

        return new(head.Position, head.Earliest, services.Sum(service => service.Entries), services);
    }
}
