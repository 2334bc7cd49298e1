using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>The leases on a service's long-running work. Every change names the lease it is made under.</summary>
internal sealed class WorkTable(ServiceDatabase database)
{
    /// <summary>After a worker died without a word, others wait so long.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(15);

    /// <summary>Organisations take turns: who has least at work comes first.</summary>
    private const string ClaimSql = """
        UPDATE operation_work SET state = 'running', attempts = attempts + 1, fence = fence + 1, leased_until = clock_timestamp() + $2
        WHERE (org_id, id) = (
          SELECT org_id, id FROM operation_work w
          WHERE state <> 'ended' AND next_attempt_at <= clock_timestamp() AND coalesce(leased_until, '-infinity') < clock_timestamp() AND operation_type = ANY($1)
          ORDER BY (SELECT count(*) FROM operation_work o WHERE o.org_id = w.org_id AND o.state = 'running' AND o.leased_until > clock_timestamp()), next_attempt_at
          LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING org_id, id, started::text, args::text, checkpoint::text, actor, correlation_id, traceparent, attempts, fence, cancelled_by, approved_digest, pardoned
        """;

    private const string KeepSql = """
        UPDATE operation_work SET leased_until = clock_timestamp() + $4
        WHERE org_id = $1 AND id = $2 AND fence = $3 AND state = 'running' RETURNING cancelled_by
        """;

    private const string ReleaseSql = """
        UPDATE operation_work SET state = 'waiting', attempts = attempts - 1, leased_until = NULL
        WHERE org_id = $1 AND id = $2 AND fence = $3 AND state = 'running'
        """;

    /// <returns>Null when nothing waits.</returns>
    public async Task<Claim?> Claim(string[] types, CancellationToken cancel)
    {
        await using var claim = database.Relay.CreateCommand(ClaimSql);
        claim.Parameters.Add(new() { Value = types });
        claim.Parameters.Add(new() { Value = Lease });
        await using var row = await claim.ExecuteReaderAsync(cancel);
        return await row.ReadAsync(cancel) ? Work.Claim.Read(row) : null;
    }

    /// <returns>Who asked for it to be cancelled, or null.</returns>
    /// <exception cref="LeaseLostException">Somebody else has it.</exception>
    public async Task<string?> Keep(Claim claim, CancellationToken cancel)
    {
        await using var keep = Under(KeepSql, claim);
        keep.Parameters.Add(new() { Value = Lease });
        await using var row = await keep.ExecuteReaderAsync(cancel);
        return await row.ReadAsync(cancel) ? row.IsDBNull(0) ? null : row.GetString(0) : throw new LeaseLostException(claim.Id);
    }

    /// <summary>Adds work that is begun already, and tells of it.</summary>
    public static async Task Begin(ServiceDb db, Claim claim, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var started = JsonSerializer.Serialize(claim.Started, OperationJson.Options);
        await db.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO operation_work (id, operation_type, started, args, actor, correlation_id, traceparent, state, attempts, fence, leased_until)
            VALUES ({claim.Id}, {claim.Started.OperationType}, {started}::jsonb, {claim.Args}::jsonb, {claim.Actor}, {claim.CorrelationId}, {claim.TraceParent}::text,
              'running', {claim.Attempt}, {claim.Fence}, clock_timestamp() + {Lease})
            """,
            cancel);
        db.Publish(claim.Started);
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
    }

    /// <summary>The worker stops in good order: the attempt does not count, and another instance goes on at once.</summary>
    public async Task Release(Claim claim)
    {
        await using var release = Under(ReleaseSql, claim);
        await release.ExecuteNonQueryAsync();
    }

    /// <summary>The attempt failed and another follows.</summary>
    /// <param name="isPardoned">It was no fault of the work, and does not count.</param>
    /// <exception cref="LeaseLostException">Somebody else has it.</exception>
    public static Task Retry(ServiceDb db, Claim claim, OperationReported failed, bool isPardoned, CancellationToken cancel) => Leave(
        db, claim, failed,
        $"""
        UPDATE operation_work SET state = 'waiting', leased_until = NULL, next_attempt_at = {failed.RetryAt}, pardoned = pardoned + {(isPardoned ? 1 : 0)}
        WHERE id = {claim.Id} AND fence = {claim.Fence} AND state = 'running'
        """,
        cancel);

    /// <summary>What it would do has changed: it waits until that is agreed to.</summary>
    /// <exception cref="LeaseLostException">Somebody else has it.</exception>
    public static Task Hold(ServiceDb db, Claim claim, OperationReplanned replanned, CancellationToken cancel) => Leave(
        db, claim, replanned,
        $"""
        UPDATE operation_work SET state = 'waiting', leased_until = NULL, pardoned = pardoned + 1,
          next_attempt_at = CASE WHEN cancelled_by IS NULL THEN 'infinity' ELSE clock_timestamp() END,
          plan_digest = {replanned.Plan.Digest}, approved_digest = NULL
        WHERE id = {claim.Id} AND fence = {claim.Fence} AND state = 'running'
        """,
        cancel);

    /// <exception cref="LeaseLostException">Somebody else has it.</exception>
    public static Task End(ServiceDb db, Claim claim, OperationEnded ended, CancellationToken cancel) => Leave(
        db, claim, ended,
        $"""
        UPDATE operation_work SET state = 'ended', ended_at = {ended.EndedAt}, leased_until = NULL
        WHERE id = {claim.Id} AND fence = {claim.Fence} AND state = 'running'
        """,
        cancel);

    private static async Task Leave(ServiceDb db, Claim claim, object message, FormattableString change, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        if (await db.Database.ExecuteSqlAsync(change, cancel) != 1)
        {
            throw new LeaseLostException(claim.Id);
        }

        db.Publish(message);
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
    }

    private NpgsqlCommand Under(string sql, Claim claim)
    {
        var command = database.Relay.CreateCommand(sql);
        command.Parameters.Add(new() { Value = claim.OrgId });
        command.Parameters.Add(new() { Value = claim.Id });
        command.Parameters.Add(new() { Value = claim.Fence });
        return command;
    }
}
