using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Npgsql;
using NpgsqlTypes;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.ServiceDefaults.Idempotency;

/// <summary>One key of one caller on one route, in the organisation the connection acts for.</summary>
internal sealed class AnswerTable
{
    public static readonly TimeSpan Retention = TimeSpan.FromHours(24);

    // Two statements and not one: a snapshot taken before the lock would not see what its last holder committed.
    private const string LockSql = "SELECT pg_try_advisory_xact_lock($1)";

    private const string FindSql = """
        SELECT fingerprint, status, headers::text, body FROM idempotent_answers
        WHERE org_id = current_org() AND key_hash = $1 AND created_at > now() - $2
        """;

    // An expired answer gives way to the new one.
    private const string KeepSql = """
        INSERT INTO idempotent_answers (key_hash, fingerprint, status, headers, body) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (org_id, key_hash) DO UPDATE
        SET fingerprint = excluded.fingerprint, status = excluded.status, headers = excluded.headers, body = excluded.body, created_at = excluded.created_at
        """;

    private const string CorrectSql = "UPDATE idempotent_answers SET status = $2, headers = $3, body = $4 WHERE org_id = current_org() AND key_hash = $1";

    private readonly Guid _org;
    private readonly byte[] _keyHash;
    private readonly long _lock;

    public AnswerTable(Guid org, string caller, string route, string key)
    {
        _org = org;
        // None of the parts holds a line end, so no two sets of parts make the same text.
        _keyHash = SHA256.HashData(Encoding.UTF8.GetBytes($"{org}\n{caller}\n{route}\n{key}"));
        _lock = BinaryPrimitives.ReadInt64LittleEndian(_keyHash);
    }

    /// <summary>Takes the key until the transaction ends, and reads what was kept under it, in one round trip.</summary>
    /// <returns>Not taken when another request holds it at this moment.</returns>
    public async Task<(bool IsTaken, byte[]? Fingerprint, KeptAnswer? Answer)> Take(RequestTransaction whole, CancellationToken cancel)
    {
        await using var batch = new NpgsqlBatch(whole.Connection)
        {
            BatchCommands =
            {
                new(LockSql) { Parameters = { new() { Value = _lock } } },
                new(FindSql) { Parameters = { new() { Value = _keyHash }, new() { Value = Retention } } },
            },
        };
        await using var row = await batch.ExecuteReaderAsync(cancel);
        await row.ReadAsync(cancel);
        if (!row.GetBoolean(0))
        {
            return (false, null, null);
        }

        await row.NextResultAsync(cancel);
        return await row.ReadAsync(cancel)
            ? (true, row.GetFieldValue<byte[]>(0), KeptAnswer.Read(row.GetInt16(1), row.GetString(2), row.IsDBNull(3) ? null : row.GetFieldValue<byte[]>(3)))
            : (true, null, null);
    }

    public NpgsqlBatchCommand Keep(byte[] fingerprint, KeptAnswer answer) => new(KeepSql)
    {
        Parameters = { new() { Value = _keyHash }, new() { Value = fingerprint }, Status(answer), Headers(answer), Body(answer) },
    };

    /// <summary>
    /// Puts the final answer in the place of the one given when the work was committed, in one round trip that waits for no disk:
    /// the first answer is true too.
    /// </summary>
    public async Task Correct(NpgsqlDataSource app, KeptAnswer answer, CancellationToken cancel)
    {
        await using var batch = app.CreateBatch();
        batch.BatchCommands.Add(Tenant.ForTransaction(_org));
        batch.BatchCommands.Add(new("SELECT set_config('synchronous_commit', 'off', true)"));
        batch.BatchCommands.Add(new(CorrectSql) { Parameters = { new() { Value = _keyHash }, Status(answer), Headers(answer), Body(answer) } });
        await batch.ExecuteNonQueryAsync(cancel);
    }

    private static NpgsqlParameter Status(KeptAnswer answer) => new() { Value = (short)answer.Status };

    private static NpgsqlParameter Headers(KeptAnswer answer) => new() { Value = answer.HeadersJson, NpgsqlDbType = NpgsqlDbType.Jsonb };

    private static NpgsqlParameter Body(KeptAnswer answer) => new() { Value = (object?)answer.Body ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Bytea };
}
