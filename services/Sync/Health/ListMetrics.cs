using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using Npgsql;
using NpgsqlTypes;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Sync.Health;

internal enum MetricType
{
    SyncHealth,
    DataConsistency,
    Throughput,
    Latency,
    Errors,
}

/// <summary>Recorded metrics, newest first: a member sees the organisation's, an operator the platform's.</summary>
internal static class ListMetrics
{
    private const string SqlOfWhom = """
        SELECT id, metric_type, metric_name, value, unit, status, metadata::text, recorded_at FROM system_metrics
        WHERE {whose} AND ($2::text IS NULL OR metric_type = $2) AND ($3::text IS NULL OR metric_name = $3)
            AND recorded_at >= $4 AND recorded_at < $5 AND ($6::timestamptz IS NULL OR (recorded_at, id) < ($6, $7))
        ORDER BY recorded_at DESC, id DESC LIMIT $8
        """;

    // IS NOT DISTINCT FROM would do for both, and use no index.
    private static readonly string OrganisationSql = SqlOfWhom.Replace("{whose}", "org_id = $1", StringComparison.Ordinal);
    private static readonly string PlatformSql = SqlOfWhom.Replace("{whose}", "org_id IS NULL AND $1::uuid IS NULL", StringComparison.Ordinal);

    public sealed record ListMetricsRequest(
        Named<MetricType>? MetricType, [property: MaxLength(200)] string? Name, Moment? From, Moment? To, int? Limit, string? Cursor);

    /// <param name="Status">What the value was judged to be.</param>
    /// <param name="Metadata">The evidence.</param>
    public sealed record Item(
        Guid Id, MetricType MetricType, string MetricName, double Value, string Unit, HealthLevel Status, JsonElement Metadata, DateTimeOffset RecordedAt);

    private sealed record Key(DateTimeOffset RecordedAt, Guid Id);

    public static async Task<Ok<Page<Item>>> Handle(
        [AsParameters] ListMetricsRequest request, HttpContext http, Caller caller, SyncDb db, [FromKeyedServices("relay")] NpgsqlDataSource relay, CancellationToken cancel)
    {
        var limit = Paging.Limit(request.Limit);
        var after = Paging.Decode<Key>(request.Cursor);
        List<Item> found;
        if (http.User.IsInRole(Roles.Operator))
        {
            await using var connection = await relay.OpenConnectionAsync(cancel);
            found = await Read(connection, null, request, limit, after, cancel);
        }
        else
        {
            found = await db.Read(connection => Read(connection, caller.Org, request, limit, after, cancel), cancel);
        }

        return TypedResults.Ok(Paging.Cut(found, limit, item => new Key(item.RecordedAt, item.Id)));
    }

    private static async Task<List<Item>> Read(
        NpgsqlConnection connection, Guid? org, ListMetricsRequest request, int limit, Key? after, CancellationToken cancel)
    {
        await using var read = new NpgsqlCommand(org is null ? PlatformSql : OrganisationSql, connection)
        {
            Parameters =
            {
                new() { Value = (object?)org ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Uuid },
                new() { Value = request.MetricType is { } type ? JsonNamingPolicy.SnakeCaseLower.ConvertName(type.Value.ToString()) : DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text },
                new() { Value = (object?)request.Name ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text },
                new() { Value = request.From?.Value.ToUniversalTime() ?? DateTimeOffset.UnixEpoch },
                new() { Value = request.To?.Value.ToUniversalTime() ?? new DateTimeOffset(9999, 1, 1, 0, 0, 0, TimeSpan.Zero) },
                new() { Value = (object?)after?.RecordedAt ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz },
                new() { Value = after?.Id ?? Guid.Empty },
                new() { Value = limit + 1 },
            },
        };
        await using var row = await read.ExecuteReaderAsync(cancel);
        List<Item> found = [];
        while (await row.ReadAsync(cancel))
        {
            found.Add(new(
                row.GetGuid(0), Enum.Parse<MetricType>(row.GetString(1).Replace("_", "", StringComparison.Ordinal), true), row.GetString(2), row.GetDouble(3), row.GetString(4), ChangeLevel.Parse(row.GetString(5)),
                JsonSerializer.Deserialize<JsonElement>(row.GetString(6)), row.GetFieldValue<DateTimeOffset>(7)));
        }

        return found;
    }
}
