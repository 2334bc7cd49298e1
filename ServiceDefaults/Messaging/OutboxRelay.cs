using MassTransit;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>Sends outbox rows, grouped by type, and deletes them once the broker has them. Replicas share the work row by row.</summary>
internal sealed class OutboxRelay(
    ServiceDatabase database, RelaySignal signal, BrokerTopology topology, Lookout lookout, IBus bus, RelaySettings settings, TimeProvider time, ILogger<OutboxRelay> log)
    : RelayLoop(database, signal, topology, lookout, time, settings.Interval, log)
{
    private const int MaxRows = 500;
    private const int MaxGroup = 100;

    private const string DueSql = "FROM outbox WHERE status = 'pending' AND (next_attempt_at IS NULL OR next_attempt_at <= now())";

    private const string TakeSql = $"""
        SELECT id, org_id, message_type, body, actor, correlation_id, causation_id, traceparent, created_at
        {DueSql}
          AND created_at > now() - $2
        ORDER BY created_at LIMIT $1 FOR UPDATE SKIP LOCKED
        """;

    private const string SentSql = """
        WITH sent AS (DELETE FROM outbox WHERE id = ANY($1) RETURNING org_id, correlation_id, message_type, id, causation_id, traceparent, created_at)
        INSERT INTO hops (org_id, correlation_id, what, name, message_id, causation_id, traceparent, written_at, at)
        SELECT org_id, correlation_id, 'sent', message_type, id, causation_id, traceparent, created_at, $2 FROM sent WHERE org_id IS NOT NULL
        """;

    private const string FailSql = """
        UPDATE outbox SET attempts = attempts + 1, error = $2,
          next_attempt_at = now() + make_interval(secs => $4 * power(2, attempts)),
          status = CASE WHEN attempts + 1 >= $3 THEN 'failed' ELSE 'pending' END
        WHERE id = $1
        """;

    /// <summary>
    /// What was sent leaves dead entries at the index's left end until the next vacuum, so most looks are at what is new. Retries, and
    /// transactions that took longer, wait for the next look at everything.
    /// </summary>
    private static readonly TimeSpan New = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan Everything = TimeSpan.FromDays(36_500);
    private static readonly TimeSpan EverythingInterval = TimeSpan.FromMilliseconds(500);

    private long _sawEverythingAt;

    protected override string Pending => $"SELECT {DueSql}";

    /// <summary>Who has committed a message sends it; what a process left that was killed is found by the others' lookouts.</summary>
    protected override Task Woken => Signal.NextHere;

    protected override void Found()
    {
        _sawEverythingAt = 0;
        base.Found();
    }

    protected override Task Connect(CancellationToken cancel) => Task.CompletedTask;

    protected override async Task<Taken> SendBatch(CancellationToken cancel)
    {
        await using var connection = await Database.Relay.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var isForEverything = _sawEverythingAt == 0 || Time.GetElapsedTime(_sawEverythingAt) > EverythingInterval;
        var (good, poison) = await Take(connection, isForEverything, cancel);
        if (good.Count + poison.Count == 0)
        {
            Saw(isForEverything);
            return Taken.Nothing;
        }

        // Taken before they go: a listener may be done before the broker's confirm is.
        var sentAt = Time.GetUtcNow();
        await Task.WhenAll(good.GroupBy(item => item.Message.GetType())
            .SelectMany(type => type.Chunk(MaxGroup).Select(group => Messages.Of(type.Key).Send(bus, group, cancel))));
        await using var batch = new NpgsqlBatch(connection, transaction);
        // What a crash of the database takes back is sent once more, as what a killed process had sent.
        batch.BatchCommands.Add(new("SET LOCAL synchronous_commit = off"));
        batch.BatchCommands.Add(new(SentSql) { Parameters = { new() { Value = good.Select(item => item.Id).ToArray() }, new() { Value = sentAt } } });
        foreach (var (id, error) in poison)
        {
            batch.BatchCommands.Add(new(FailSql)
            {
                Parameters = { new() { Value = id }, new() { Value = error }, new() { Value = settings.Attempts }, new() { Value = settings.Backoff.TotalSeconds } },
            });
        }

        batch.BatchCommands.Add(new("COMMIT"));
        await batch.ExecuteNonQueryAsync(cancel);
        if (good.Count + poison.Count == MaxRows)
        {
            return Taken.Some;
        }

        Saw(isForEverything);
        return Taken.All;
    }

    private void Saw(bool everything)
    {
        if (everything)
        {
            _sawEverythingAt = Time.GetTimestamp();
        }
    }

    private static async Task<(List<Envelope<object>> Good, List<(Guid Id, string Error)> Poison)> Take(
        NpgsqlConnection connection, bool isForEverything, CancellationToken cancel)
    {
        List<Envelope<object>> good = [];
        List<(Guid, string)> poison = [];
        await using var take = new NpgsqlCommand(TakeSql, connection)
        {
            Parameters = { new() { Value = MaxRows }, new() { Value = isForEverything ? Everything : New } },
        };
        await using var row = await take.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            var id = row.GetGuid(0);
            try
            {
                good.Add(new(
                    id,
                    row.IsDBNull(1) ? null : row.GetGuid(1),
                    row.GetGuid(5),
                    row.IsDBNull(6) ? null : row.GetGuid(6),
                    row.IsDBNull(4) ? null : row.GetString(4),
                    row.IsDBNull(7) ? null : row.GetString(7),
                    row.GetFieldValue<DateTimeOffset>(8),
                    Outbox.Read(row.GetString(2), row.GetString(3))));
            }
            catch (InvalidDataException exception)
            {
                poison.Add((id, exception.Message));
            }
        }

        return (good, poison);
    }
}
