using System.Text.Json;
using Npgsql;
using NpgsqlTypes;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Sync.Health;

/// <summary>Writes readings to system_metrics, many in one statement.</summary>
internal sealed class MetricsTable([FromKeyedServices("relay")] NpgsqlDataSource relay)
{
    private const string Sql = """
        INSERT INTO system_metrics (org_id, metric_type, metric_name, value, unit, status, metadata, recorded_at)
        SELECT u.*, $8 FROM unnest($1::uuid[], $2::text[], $3::text[], $4::double precision[], $5::text[], $6::text[], $7::jsonb[]) u
        """;

    /// <param name="readings">Those without an organisation are the platform's.</param>
    public async Task Record(IReadOnlyList<(Guid? Org, Reading Reading)> readings, DateTimeOffset at, CancellationToken cancel)
    {
        await using var insert = relay.CreateCommand(Sql);
        insert.Parameters.Add(new() { Value = readings.Select(x => x.Org).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid });
        insert.Parameters.Add(new() { Value = readings.Select(x => x.Reading.Type).ToArray() });
        insert.Parameters.Add(new() { Value = readings.Select(x => x.Reading.Name).ToArray() });
        insert.Parameters.Add(new() { Value = readings.Select(x => x.Reading.Value).ToArray() });
        insert.Parameters.Add(new() { Value = readings.Select(x => x.Reading.Unit).ToArray() });
        insert.Parameters.Add(new() { Value = readings.Select(x => x.Reading.Status.ToString().ToLowerInvariant()).ToArray() });
        insert.Parameters.Add(new()
        {
            Value = readings.Select(x => x.Reading.Metadata is null ? "{}" : JsonSerializer.Serialize(x.Reading.Metadata, Json.Options)).ToArray(),
            NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Jsonb,
        });
        insert.Parameters.Add(new() { Value = at });
        await insert.ExecuteNonQueryAsync(cancel);
    }
}
