using System.Security.Cryptography;
using System.Text.Json;
using MassTransit;
using MassTransit.Serialization;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Database;
using RabbitMQ.Client;

namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>Keeps what no attempt could apply, with the bytes to send it again. When it cannot be kept, the broker keeps it.</summary>
internal sealed class Parking(ServiceDatabase database, BrokerTopology topology)
{
    private const string EnvelopeContentType = "application/vnd.masstransit+json";

    private const string InsertSql = """
        INSERT INTO parked_messages (org_id, queue, message_type, message_id, content_type, body, error, attempts)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (queue, message_id) DO UPDATE SET error = excluded.error, attempts = parked_messages.attempts + excluded.attempts
        """;

    /// <summary>A transaction waits for the broker's confirms of so many, one after the other.</summary>
    private const int MostTogether = 25;

    public Task Park<T>(string queue, Envelope<T> item, Exception exception, int attempts, CancellationToken cancel)
        where T : class =>
        Insert(item.OrgId, queue, typeof(T).Name, item.Id, EnvelopeContentType, Wrap(new MessageGroup<T>([item])), exception, attempts, cancel);

    public Task Park(string queue, ChangeBatch single, Exception exception, int attempts, CancellationToken cancel) =>
        Insert(single.Changes[0].OrgId, queue, nameof(ChangeBatch), single.Changes[0].Id, EnvelopeContentType, Wrap(single), exception, attempts, cancel);

    /// <summary>For what could not even be read: it has no id, so its bytes are what tells it from another.</summary>
    public Task Park(string queue, string? contentType, byte[] body, Exception exception, CancellationToken cancel) =>
        Insert(null, queue, "unreadable", new(SHA256.HashData(body).AsSpan(0, 16)), contentType ?? "application/octet-stream", body, exception, 1, cancel);

    /// <summary>Sends a parked message to its queue again and forgets it once the broker has it.</summary>
    /// <returns>False when there is none of that id.</returns>
    public async Task<bool> Retry(Guid id, CancellationToken cancel)
    {
        await using var connection = await database.Relay.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await using var take = new NpgsqlCommand("DELETE FROM parked_messages WHERE id = $1 RETURNING queue, content_type, body", connection) { Parameters = { new() { Value = id } } };
        await using (var row = await take.ExecuteReaderAsync(cancel))
        {
            if (!await row.ReadAsync(cancel))
            {
                return false;
            }

            await Send(row.GetString(0), row.GetString(1), row.GetFieldValue<byte[]>(2), cancel);
        }

        await transaction.CommitAsync(cancel);
        return true;
    }

    /// <summary>Sends the oldest again, at most so many.</summary>
    /// <param name="org">Whose; DBNull for everybody's.</param>
    /// <returns>How many were sent, and how many are left.</returns>
    public async Task<(int Sent, int Left)> RetryAll(object org, int limit, CancellationToken cancel)
    {
        await using var connection = await database.Relay.OpenConnectionAsync(cancel);
        // Counted before they are sent: what fails again at once is no longer of this request.
        await using var count = new NpgsqlCommand("SELECT count(*), now() FROM parked_messages WHERE $1::uuid IS NULL OR org_id = $1", connection) { Parameters = { Uuid(org) } };
        var (all, until) = (0, DateTimeOffset.MinValue);
        await using (var row = await count.ExecuteReaderAsync(cancel))
        {
            await row.ReadAsync(cancel);
            (all, until) = ((int)row.GetInt64(0), row.GetFieldValue<DateTimeOffset>(1));
        }

        if (all == 0)
        {
            return (0, 0);
        }

        await using var broker = await topology.Connect("parking", cancel);
        await using var channel = await broker.CreateChannelAsync(new CreateChannelOptions(true, true), cancel);
        var (sent, most) = (0, Math.Min(all, limit));
        while (sent < most && await RetrySome(connection, channel, org, until, Math.Min(MostTogether, most - sent), cancel) is > 0 and var some)
        {
            sent += some;
        }

        return (sent, all - sent);
    }

    private static async Task<int> RetrySome(NpgsqlConnection connection, IChannel channel, object org, DateTimeOffset until, int limit, CancellationToken cancel)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await using var take = new NpgsqlCommand(
            """
            DELETE FROM parked_messages WHERE id IN (
              SELECT id FROM parked_messages WHERE ($1::uuid IS NULL OR org_id = $1) AND created_at <= $3 ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)
            RETURNING queue, content_type, body
            """,
            connection)
        { Parameters = { Uuid(org), new() { Value = limit }, new() { Value = until } } };
        List<(string Queue, string ContentType, byte[] Body)> taken = [];
        await using (var row = await take.ExecuteReaderAsync(cancel))
        {
            while (await row.ReadAsync(cancel))
            {
                taken.Add((row.GetString(0), row.GetString(1), row.GetFieldValue<byte[]>(2)));
            }
        }

        foreach (var (queue, contentType, body) in taken)
        {
            await Send(channel, queue, contentType, body, cancel);
        }

        await transaction.CommitAsync(cancel);
        return taken.Count;
    }

    private static NpgsqlParameter Uuid(object org) => new() { Value = org, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Uuid };

    private async Task Send(string queue, string contentType, byte[] body, CancellationToken cancel)
    {
        await using var broker = await topology.Connect("parking", cancel);
        await using var channel = await broker.CreateChannelAsync(new CreateChannelOptions(true, true), cancel);
        await Send(channel, queue, contentType, body, cancel);
    }

    private static async Task Send(IChannel channel, string queue, string contentType, byte[] body, CancellationToken cancel)
    {
        await channel.BasicPublishAsync("", queue, mandatory: true, new BasicProperties { ContentType = contentType, Persistent = true }, body, cancel);
    }

    private static byte[] Wrap<T>(T message)
        where T : class =>
        JsonSerializer.SerializeToUtf8Bytes(
            new { messageId = Guid.CreateVersion7(), messageType = new[] { MessageUrn.ForTypeString<T>() }, message }, SystemTextJsonMessageSerializer.Options);

    private async Task Insert(
        Guid? orgId, string queue, string type, Guid messageId, string contentType, byte[] body, Exception exception, int attempts, CancellationToken cancel)
    {
        await using var insert = database.Relay.CreateCommand(InsertSql);
        insert.Parameters.Add(new() { Value = (object?)orgId ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Uuid });
        insert.Parameters.Add(new() { Value = queue });
        insert.Parameters.Add(new() { Value = type });
        insert.Parameters.Add(new() { Value = messageId });
        insert.Parameters.Add(new() { Value = Text(contentType) });
        insert.Parameters.Add(new() { Value = body });
        insert.Parameters.Add(new() { Value = Text(exception.Message) });
        insert.Parameters.Add(new() { Value = attempts });
        await insert.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>PostgreSQL's text holds every character but this one.</summary>
    private static string Text(string value) => value.Replace("\0", "", StringComparison.Ordinal);
}
