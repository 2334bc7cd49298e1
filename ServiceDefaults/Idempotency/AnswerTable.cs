using System.Data.Common;
using Npgsql;
using NpgsqlTypes;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.ServiceDefaults.Idempotency;

/// <summary>The answers kept under keys, in the organisation the connection acts for.</summary>
internal static class AnswerTable
{
    public static readonly TimeSpan Retention = TimeSpan.FromHours(24);

    // Two statements and not one: a snapshot taken before the lock would not see what its last holder committed.
    private const string LockSql = "SELECT key, pg_try_advisory_xact_lock(key) FROM unnest($1::bigint[]) AS key";

    // By the key alone: a plan by the age, of which an index tells as well, reads through all of them.
    internal const string FindSql = """
        SELECT key_hash, fingerprint, status, headers::text, body FROM idempotent_answers
        WHERE org_id = (SELECT current_org()) AND key_hash = ANY($1) AND created_at + $2 > now()
        """;

    // An expired answer gives way to the new one.
    private const string KeepSql = """
        INSERT INTO idempotent_answers (key_hash, fingerprint, status, headers, body)
        SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::smallint[], $4::jsonb[], $5::bytea[])
        ON CONFLICT (org_id, key_hash) DO UPDATE
        SET fingerprint = excluded.fingerprint, status = excluded.status, headers = excluded.headers, body = excluded.body, created_at = excluded.created_at
        """;

    // Of hashes nothing is known: joined with a list alone, all of the organisation's answers would be read through.
    private const string CorrectSql = """
        UPDATE idempotent_answers AS a SET status = final.status, headers = final.headers, body = final.body
        FROM unnest($1::bytea[], $2::smallint[], $3::jsonb[], $4::bytea[]) AS final (key_hash, status, headers, body)
        WHERE a.org_id = (SELECT current_org()) AND a.key_hash = ANY($1) AND a.key_hash = final.key_hash
        """;

    /// <summary>Takes the keys until the transaction ends, and reads what was kept under them; <see cref="ReadTaken"/> takes the results.</summary>
    public static void AddTake(NpgsqlBatch batch, IReadOnlyList<RequestKey> keys)
    {
        batch.BatchCommands.Add(new(LockSql) { Parameters = { new() { Value = keys.Select(key => key.Lock).ToArray() } } });
        batch.BatchCommands.Add(new(FindSql) { Parameters = { Columns.Of(keys, key => key.Hash, NpgsqlDbType.Bytea), new() { Value = Retention } } });
    }

    /// <returns>The answers of those whose work is not to be done, and why; the reader stands before what follows in the batch.</returns>
    public static async Task<IReadOnlyDictionary<RequestKey, KeyAnswer>> ReadTaken(DbDataReader row, IReadOnlyList<RequestKey> keys, CancellationToken cancel)
    {
        HashSet<long> taken = [];
        while (await row.ReadAsync(cancel))
        {
            if (row.GetBoolean(1))
            {
                taken.Add(row.GetInt64(0));
            }
        }

        Dictionary<string, (byte[] Fingerprint, KeptAnswer Answer)> kept = [];
        await row.NextResultAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            kept.Add(Convert.ToHexString(row.GetFieldValue<byte[]>(0)), (
                row.GetFieldValue<byte[]>(1), KeptAnswer.Read(row.GetInt16(2), row.GetString(3), await row.IsDBNullAsync(4, cancel) ? null : row.GetFieldValue<byte[]>(4))));
        }

        await row.NextResultAsync(cancel);
        Dictionary<RequestKey, KeyAnswer> answers = [];
        foreach (var key in keys)
        {
            if (kept.TryGetValue(Convert.ToHexString(key.Hash), out var found))
            {
                answers.Add(key, found.Fingerprint.AsSpan().SequenceEqual(key.Fingerprint) ? KeyAnswer.Of(found.Answer) : KeyAnswer.KeyReused);
            }
            else if (!taken.Remove(key.Lock))
            {
                // Another session's; or, as a session is given a lock it has, that of an earlier one of these with the same key.
                answers.Add(key, KeyAnswer.InProgress);
            }
        }

        return answers;
    }

    public static NpgsqlBatchCommand Keep(IReadOnlyList<(RequestKey Key, KeptAnswer Answer)> answers) => new(KeepSql)
    {
        Parameters =
        {
            Columns.Of(answers, x => x.Key.Hash, NpgsqlDbType.Bytea),
            Columns.Of(answers, x => x.Key.Fingerprint, NpgsqlDbType.Bytea),
            Columns.Of(answers, x => (short)x.Answer.Status, NpgsqlDbType.Smallint),
            Columns.Of(answers, x => x.Answer.HeadersJson, NpgsqlDbType.Jsonb),
            Columns.Of(answers, x => x.Answer.Body, NpgsqlDbType.Bytea),
        },
    };

    /// <summary>
    /// Puts final answers in the place of those given when the work was committed, in one round trip that waits for no disk:
    /// the first answers are true too.
    /// </summary>
    public static async Task Correct(NpgsqlDataSource app, Guid org, IReadOnlyList<(RequestKey Key, KeptAnswer Answer)> answers)
    {
        await using var batch = app.CreateBatch();
        batch.BatchCommands.Add(Tenant.ForTransaction(org));
        batch.BatchCommands.Add(new("SELECT set_config('synchronous_commit', 'off', true)"));
        batch.BatchCommands.Add(new(CorrectSql)
        {
            Parameters =
            {
                Columns.Of(answers, x => x.Key.Hash, NpgsqlDbType.Bytea),
                Columns.Of(answers, x => (short)x.Answer.Status, NpgsqlDbType.Smallint),
                Columns.Of(answers, x => x.Answer.HeadersJson, NpgsqlDbType.Jsonb),
                Columns.Of(answers, x => x.Answer.Body, NpgsqlDbType.Bytea),
            },
        });
        await batch.ExecuteNonQueryAsync();
    }
}
