using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>The leases on a service's long-running work, once <see cref="Claims"/> has given them. Every change names the lease it is made under.</summary>
internal sealed class WorkTable(ServiceDatabase database)
{
    /// <summary>After a worker died without a word, others wait so long.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(15);

    private const string KeepSql = """
        UPDATE operation_work SET leased_until = clock_timestamp() + $4
        WHERE org_id = $1 AND id = $2 AND fence = $3 AND state = 'running' RETURNING cancelled_by
        """;

    private const string EnterSql = """
        UPDATE operation_work SET entered_step = greatest(entered_step, $4)
        WHERE org_id = $1 AND id = $2 AND fence = $3 AND state = 'running' AND (cancelled_by IS NULL OR $5)
        """;

    private const string CompensateSql = """
        UPDATE operation_work SET is_compensating = true, pardoned = attempts - 1
        WHERE org_id = $1 AND id = $2 AND fence = $3 AND state = 'running'
        """;

    private const string ReleaseSql = """
        UPDATE operation_work SET state = 'waiting', attempts = attempts - 1, leased_until = NULL
        WHERE org_id = $1 AND id = $2 AND fence = $3 AND state = 'running'
        """;

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

    /// <summary>Notes that the work is at a step from which on a cancel does something else, unless somebody has cancelled it.</summary>
    /// <param name="isFinal">It was so before: a cancel comes too late.</param>
    /// <returns>Who has cancelled it; null when it was noted.</returns>
    /// <exception cref="LeaseLostException">Somebody else has it.</exception>
    public async Task<string?> Enter(Claim claim, int step, bool isFinal, CancellationToken cancel)
    {
        await using var enter = Under(EnterSql, claim);
        enter.Parameters.Add(new() { Value = step });
        enter.Parameters.Add(new() { Value = isFinal });
        return await enter.ExecuteNonQueryAsync(cancel) == 1 ? null : await Keep(claim, cancel) ?? throw new LeaseLostException(claim.Id);
    }

    /// <summary>Attempts at the work count no more; this is the first one at taking back what it did.</summary>
    /// <exception cref="LeaseLostException">Somebody else has it.</exception>
    public async Task BeginToCompensate(Claim claim, CancellationToken cancel)
    {
        await using var compensate = Under(CompensateSql, claim);
        if (await compensate.ExecuteNonQueryAsync(cancel) != 1)
        {
            throw new LeaseLostException(claim.Id);
        }
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
        db, claim, effects => failed with { Effects = effects ?? failed.Effects },
        $"""
        UPDATE operation_work SET state = 'waiting', leased_until = NULL, next_attempt_at = {failed.RetryAt}, pardoned = pardoned + {(isPardoned ? 1 : 0)}
        WHERE id = {claim.Id} AND fence = {claim.Fence} AND state = 'running' RETURNING effects::text AS "Value"
        """,
        cancel);

    /// <summary>What it would do has changed: it waits until that is agreed to.</summary>
    /// <exception cref="LeaseLostException">Somebody else has it.</exception>
    public static Task Hold(ServiceDb db, Claim claim, OperationReplanned replanned, CancellationToken cancel) => Leave(
        db, claim, _ => replanned,
        $"""
        UPDATE operation_work SET state = 'waiting', leased_until = NULL, pardoned = pardoned + 1,
          next_attempt_at = CASE WHEN cancelled_by IS NULL THEN 'infinity' ELSE clock_timestamp() END,
          plan_digest = {replanned.Plan.Digest}, approved_digest = NULL
        WHERE id = {claim.Id} AND fence = {claim.Fence} AND state = 'running' RETURNING effects::text AS "Value"
        """,
        cancel);

    /// <param name="remaining">Of what it had done.</param>
    /// <exception cref="LeaseLostException">Somebody else has it.</exception>
    public static Task End(
        ServiceDb db, Claim claim, OperationEnded ended, Func<IReadOnlyList<OperationEffect>?, IReadOnlyList<OperationEffect>?> remaining, CancellationToken cancel) => Leave(
        db, claim, effects => ended with { Last = ended.Last is { } last ? last with { Effects = remaining(effects ?? last.Effects) } : null },
        $"""
        UPDATE operation_work SET state = 'ended', ended_at = {ended.EndedAt}, leased_until = NULL
        WHERE id = {claim.Id} AND fence = {claim.Fence} AND state = 'running' RETURNING effects::text AS "Value"
        """,
        cancel, ended is { Outcome: "cancelled", Operation.Undoes: not null } ? Undoing.Unmark(claim.Id) : null);

    /// <param name="message">By the effects as they are stored, which what a worker has said last may be ahead of.</param>
    /// <param name="then">What is changed with it.</param>
    private static async Task Leave(
        ServiceDb db, Claim claim, Func<IReadOnlyList<OperationEffect>?, object> message, FormattableString change, CancellationToken cancel, FormattableString? then = null)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        if (await db.Database.SqlQuery<string?>(change).ToListAsync(cancel) is not [var effects])
        {
            throw new LeaseLostException(claim.Id);
        }

        if (then is not null)
        {
            await db.Database.ExecuteSqlAsync(then, cancel);
        }

        db.Publish(message(Effects.Read(effects)));
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
