using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>
/// Gives leases on a service's long-running work to its workers. Of work that holds something, the row that says running is the hold: no more of an organisation's
/// run than may, whoever claims at the same moment.
/// </summary>
internal sealed class Claims(ServiceDatabase database, Kinds kinds)
{
    /// <summary>
    /// What holds something and was left by its worker waits anew, behind those that wait already. Should that worker live after all, it can store nothing of what
    /// does not run, beside the one that comes next.
    /// </summary>
    private const string FreeSql = $"""
        WITH {Kinds.Sql}
        UPDATE operation_work SET state = 'waiting', leased_until = NULL, next_attempt_at = clock_timestamp(), told_wait = 'silent'
        WHERE (org_id, id) IN (
          SELECT w.org_id, w.id FROM operation_work w JOIN kinds k USING (operation_type)
          WHERE w.state = 'running' AND w.leased_until < clock_timestamp() AND k.hold IS NOT NULL FOR UPDATE OF w SKIP LOCKED)
        """;

    /// <summary>Organisations take turns: who has least at work comes first. What only has to be ended, since it was cancelled before, needs no hold.</summary>
    private const string NextSql = $"""
        WITH {Kinds.Sql}, running AS MATERIALIZED (
          SELECT w.org_id, k.hold, k.at_once FROM operation_work w LEFT JOIN kinds k USING (operation_type)
          WHERE w.state = 'running' AND (w.leased_until > clock_timestamp() OR k.hold IS NOT NULL)
        ), busy AS (
          SELECT org_id, count(*) AS operations FROM running GROUP BY org_id
        ), full_holds AS (
          SELECT org_id, hold FROM running WHERE hold IS NOT NULL GROUP BY org_id, hold, at_once HAVING count(*) >= at_once
        )
        UPDATE operation_work SET state = 'running', attempts = attempts + 1, fence = fence + 1, leased_until = clock_timestamp() + $4, told_wait = NULL
        WHERE (org_id, id) = (
          SELECT w.org_id, w.id FROM operation_work w JOIN kinds k USING (operation_type) LEFT JOIN busy b USING (org_id)
          WHERE w.state <> 'ended' AND w.next_attempt_at <= clock_timestamp() AND coalesce(w.leased_until, '-infinity') < clock_timestamp()
            AND (k.hold IS NULL OR (w.state = 'waiting' AND (
              (w.cancelled_by IS NOT NULL AND w.entered_step = 0) OR NOT EXISTS (SELECT FROM full_holds f WHERE f.org_id = w.org_id AND f.hold = k.hold))))
          ORDER BY coalesce(b.operations, 0), w.next_attempt_at
          LIMIT 1 FOR UPDATE OF w SKIP LOCKED)
        RETURNING org_id, id, started::text, args::text, checkpoint::text, actor, correlation_id, traceparent, attempts, fence, cancelled_by, approved_digest, pardoned,
          entered_step, effects::text, is_compensating
        """;

    /// <summary>Work that may be claimed, or could be if what it holds were free.</summary>
    public const string DueSql =
        "SELECT FROM operation_work WHERE state <> 'ended' AND next_attempt_at <= clock_timestamp() AND coalesce(leased_until, '-infinity') < clock_timestamp()";

    /// <returns>Null when nothing waits that may begin.</returns>
    public async Task<Claim?> Next(CancellationToken cancel)
    {
        await using var batch = database.Relay.CreateBatch();
        if (kinds.AnyHolds)
        {
            batch.BatchCommands.Add(new(Kinds.LockSql));
            batch.BatchCommands.Add(kinds.Command(FreeSql));
        }

        var next = kinds.Command(NextSql);
        next.Parameters.Add(new() { Value = WorkTable.Lease });
        batch.BatchCommands.Add(next);
        await using var row = await batch.ExecuteReaderAsync(cancel);
        if (kinds.AnyHolds)
        {
            await row.NextResultAsync(cancel);
        }

        return await row.ReadAsync(cancel) ? Claim.Read(row) : null;
    }
}
