using Npgsql;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.ServiceDefaults.Hops;

/// <summary>
/// Reads the steps this service knows of. In the relay's role, because row-level security would keep a search within a JSON
/// column from its index; so every statement names the organisation itself.
/// </summary>
public sealed class HopReader(ServiceDatabase database)
{
    /// <summary>Of each kind so many rows are read; a request that caused more is told in part.</summary>
    public const int MaxRows = 500;

    private static readonly string MessagesSql = $"""
        SELECT what, name, listener, message_id, causation_id, correlation_id, traceparent, entity_id, position, written_at, at, delivered_at
        FROM hops WHERE org_id = $1 AND (correlation_id = ANY($2) OR entity_id = $3) ORDER BY at LIMIT {MaxRows}
        """;

    private static readonly string WaitingSql = $"""
        SELECT message_type, id, causation_id, correlation_id, traceparent, created_at
        FROM outbox WHERE org_id = $1 AND correlation_id = ANY($2) ORDER BY created_at LIMIT {MaxRows}
        """;

    private const string ChangeColumns = "event_type, id, entity_id, metadata, created_at, processed_at";

    private static readonly string ChangesSql = $"""
        SELECT metadata ->> 'source', metadata ->> 'receivedAt', (metadata ->> 'causationId')::uuid, (metadata ->> 'correlationId')::uuid, metadata ->> 'traceparent',
          event_type, id, entity_id, created_at, processed_at
        FROM (
          SELECT {ChangeColumns} FROM sync_events WHERE org_id = $1 AND metadata ->> 'correlationId' = ANY($2)
          UNION
          SELECT {ChangeColumns} FROM sync_events WHERE org_id = $1 AND entity_type = $3 AND entity_id = $4
        ) AS changes ORDER BY created_at LIMIT {MaxRows}
        """;

    /// <summary>Steps of what these requests caused, and of what became of the entity's changes in the feed.</summary>
    public async Task<IReadOnlyList<Hop>> Read(Guid org, Guid[] correlations, string? entityId, CancellationToken cancel)
    {
        List<Hop> hops = [];
        await using var connection = await database.Relay.OpenConnectionAsync(cancel);
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new(MessagesSql) { Parameters = { new() { Value = org }, new() { Value = correlations }, Text(entityId) } },
                new(WaitingSql) { Parameters = { new() { Value = org }, new() { Value = correlations } } },
                Changes(org, correlations, null, null),
            },
        };
        await using var row = await batch.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            AddMessage(hops, row);
        }

        KeepFirstDeliveries(hops);
        await row.NextResultAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            hops.Add(new(database.Service, "waiting", row.GetString(0), Time(row, 5)!.Value, row.GetGuid(3), row.GetGuid(1), Id(row, 2), Trace(row, 4)));
        }

        await row.NextResultAsync(cancel);
        await AddChanges(hops, row, cancel);
        return hops;
    }

    /// <summary>Captured changes of one entity, whoever caused them.</summary>
    public async Task<IReadOnlyList<Hop>> ReadEntity(Guid org, string entityType, string entityId, CancellationToken cancel)
    {
        List<Hop> hops = [];
        await using var connection = await database.Relay.OpenConnectionAsync(cancel);
        await using var batch = new NpgsqlBatch(connection) { BatchCommands = { Changes(org, [], entityType, entityId) } };
        await using var row = await batch.ExecuteReaderAsync(cancel);
        await AddChanges(hops, row, cancel);
        return hops;
    }

    private static NpgsqlBatchCommand Changes(Guid org, Guid[] correlations, string? entityType, string? entityId) => new(ChangesSql)
    {
        Parameters = { new() { Value = org }, new() { Value = correlations.Select(id => id.ToString()).ToArray() }, Text(entityType), Text(entityId) },
    };

    private void AddMessage(List<Hop> hops, NpgsqlDataReader row)
    {
        var hop = new Hop(
            database.Service, row.GetString(0), row.GetString(1), Time(row, 10)!.Value, row.GetGuid(5), row.GetGuid(3), Id(row, 4), Trace(row, 6),
            Value(row, 2), Value(row, 7), row.IsDBNull(8) ? null : row.GetInt64(8));
        if (Time(row, 9) is { } writtenAt)
        {
            hops.Add(hop with { What = "written", At = writtenAt });
        }

        hops.Add(hop);
        if (Time(row, 11) is { } deliveredAt)
        {
            hops.Add(hop with { What = "delivered", At = deliveredAt });
        }
    }

    /// <summary>Every process with readers tells its own.</summary>
    private static void KeepFirstDeliveries(List<Hop> hops)
    {
        var first = hops.Where(hop => hop.What == "delivered").GroupBy(hop => hop.MessageId).Select(same => same.MinBy(hop => hop.At)!).ToHashSet(ReferenceEqualityComparer.Instance);
        hops.RemoveAll(hop => hop.What == "delivered" && !first.Contains(hop));
    }

    private async Task AddChanges(List<Hop> hops, NpgsqlDataReader row, CancellationToken cancel)
    {
        HashSet<Guid> received = [];
        while (await row.ReadAsync(cancel))
        {
            var correlation = Id(row, 3);
            var change = new Hop(
                database.Service, "captured", row.GetString(5), Time(row, 8)!.Value, correlation, row.GetGuid(6), Id(row, 2), Trace(row, 4), EntityId: row.GetString(7));
            if (correlation is { } request && DateTimeOffset.TryParse(Value(row, 1), out var receivedAt) && received.Add(request))
            {
                hops.Add(new(database.Service, "received", Value(row, 0) ?? "http", receivedAt, request, TraceId: change.TraceId));
            }

            hops.Add(change);
            if (Time(row, 9) is { } relayedAt)
            {
                hops.Add(change with { What = "relayed", At = relayedAt });
            }
        }
    }

    private static NpgsqlParameter Text(string? value) => new() { Value = (object?)value ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text };

    private static string? Value(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    private static Guid? Id(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetGuid(column);

    private static DateTimeOffset? Time(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetFieldValue<DateTimeOffset>(column);

    /// <summary>The trace id within a W3C traceparent.</summary>
    private static string? Trace(NpgsqlDataReader row, int column) => Value(row, column)?.Split('-') is [_, { Length: 32 } trace, ..] ? trace : null;
}
