using NpgsqlTypes;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.OperationTracking.Alerts.Webhooks;

/// <summary>A delivery that is this process's to send, for as long as its webhook's lease lasts.</summary>
/// <param name="Attempts">Those before.</param>
internal sealed record TakenDelivery(Guid Org, Guid WebhookId, long Fence, string Url, Guid Id, string Body, int Attempts, byte[][] Secrets);

/// <summary>What is to be sent, of all organisations; of a webhook one delivery at a time, whichever replica sends it.</summary>
internal sealed class DeliveryQueue(ServiceDatabase database, TimeProvider time)
{
    /// <summary>After a process died without a word, others wait so long; more than an attempt takes.</summary>
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(30);

    /// <summary>A webhook that nothing got through to for so long is disabled.</summary>
    private static readonly TimeSpan GiveUpAfter = TimeSpan.FromDays(5);

    /// <returns>Null when nothing is due that nobody else sends.</returns>
    public async Task<TakenDelivery?> Take(CancellationToken cancel)
    {
        await using var take = database.Relay.CreateCommand("SELECT org_id, webhook_id, fence, url, delivery_id, body, attempts, secrets FROM take_delivery($1, $2)");
        take.Parameters.Add(new() { Value = time.GetUtcNow() });
        take.Parameters.Add(new() { Value = Lease });
        await using var row = await take.ExecuteReaderAsync(cancel);
        return await row.ReadAsync(cancel)
            ? new(row.GetGuid(0), row.GetGuid(1), row.GetInt64(2), row.GetString(3), row.GetGuid(4), row.GetString(5), row.GetInt32(6), row.GetFieldValue<byte[][]>(7))
            : null;
    }

    /// <param name="nextAt">When it is tried again; null for never.</param>
    /// <returns>Why its webhook is disabled from now on, or null.</returns>
    public async Task<string?> Settle(TakenDelivery delivery, AttemptOutcome outcome, bool isGone, DateTimeOffset? nextAt)
    {
        await using var settle = database.Relay.CreateCommand("SELECT settle_delivery($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)");
        foreach (var value in (object[])[delivery.Org, delivery.WebhookId, delivery.Fence, delivery.Id, time.GetUtcNow(), outcome.IsDelivered, isGone])
        {
            settle.Parameters.Add(new() { Value = value });
        }

        settle.Parameters.Add(new() { Value = (object?)nextAt ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz });
        settle.Parameters.Add(new() { Value = GiveUpAfter });
        settle.Parameters.Add(new() { Value = (object?)outcome.StatusCode ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Integer });
        settle.Parameters.Add(new() { Value = (object?)outcome.Answer ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text });
        settle.Parameters.Add(new() { Value = (object?)outcome.Error ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text });
        settle.Parameters.Add(new() { Value = (int)outcome.Duration.TotalMilliseconds });
        return await settle.ExecuteScalarAsync() as string;
    }
}
