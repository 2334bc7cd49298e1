using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NpgsqlTypes;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>Tells of work that waits for what others hold, what it waits for, once whenever that has changed; in services alone that have such work.</summary>
internal sealed partial class TellWaits(
    ServiceDatabase database, Kinds kinds, WorkSignal signal, Lookout lookout, RelaySignal relay, TimeProvider time, ILogger<TellWaits> log) : BackgroundService
{
    /// <summary>At a look, those that come first; where very many wait, those at the end are told of later.</summary>
    private const int MostAtOnce = 200;

    /// <summary>It looks no more often.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>Those that would be next wait for a worker alone. When nobody has the lock at the moment, the first of them is in the others' way.</summary>
    private const string LookSql = $"""
        WITH {Kinds.Sql}, waiting AS (
          SELECT w.org_id, w.id, w.attempts, w.next_attempt_at, w.told_wait, w.actor, w.correlation_id, w.traceparent, k.hold, k.at_once,
            row_number() OVER turn AS place, first_value(w.id) OVER turn AS first_id
          FROM operation_work w JOIN kinds k USING (operation_type)
          WHERE k.hold IS NOT NULL AND w.state = 'waiting' AND w.next_attempt_at <= clock_timestamp() AND (w.cancelled_by IS NULL OR w.entered_step > 0)
          WINDOW turn AS (PARTITION BY w.org_id, k.hold ORDER BY w.next_attempt_at)
        ), running AS (
          SELECT w.org_id, k.hold, count(*) AS operations, (array_agg(w.id))[1] AS id
          FROM operation_work w JOIN kinds k USING (operation_type) WHERE w.state = 'running' AND k.hold IS NOT NULL GROUP BY w.org_id, k.hold
        ), waits AS (
          SELECT w.*, CASE
            WHEN w.place + coalesce(r.operations, 0) <= w.at_once THEN NULL
            WHEN w.at_once = 1 THEN 'lock ' || coalesce(r.id, w.first_id)
            ELSE 'rate_limit' END AS wait
          FROM waiting w LEFT JOIN running r USING (org_id, hold)
        )
        SELECT org_id, id, attempts, next_attempt_at, told_wait, wait, actor, correlation_id, traceparent FROM waits
        WHERE told_wait IS DISTINCT FROM wait ORDER BY place LIMIT $4
        """;

    private const string TellSql = """
        WITH waits AS (
          SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::uuid[], $5::jsonb[], $6::text[], $7::uuid[], $8::text[])
            AS w (id, attempts, wait, message, body, actor, correlation_id, traceparent)
        ), noted AS (
          UPDATE operation_work o SET told_wait = w.wait FROM waits w
          WHERE o.org_id = (SELECT current_org()) AND o.id = w.id AND o.state = 'waiting' AND o.attempts = w.attempts AND o.told_wait IS DISTINCT FROM w.wait
          RETURNING o.id
        )
        INSERT INTO outbox (id, org_id, message_type, body, actor, correlation_id, traceparent)
        SELECT w.message, current_org(), 'OperationReported', w.body, w.actor, w.correlation_id, w.traceparent FROM waits w JOIN noted USING (id)
        """;

    /// <param name="Attempts">That are over.</param>
    private sealed record Wait(
        Guid OrgId, Guid Id, int Attempts, DateTimeOffset NextAttemptAt, string? Told, string? What, string Actor, Guid CorrelationId, string? TraceParent)
    {
        public string Body(DateTimeOffset now)
        {
            var words = What?.Split(' ');
            return Outbox.Body(new OperationReported(
                Id, Attempts, now.ToUnixTimeMilliseconds(), now, now, now, Step: 0, Percent: 0, RetryAt: Attempts == 0 ? null : NextAttemptAt,
                Error: Told == "silent" ? "Its worker ended without a word." : null, Cause: words?[0] ?? "queue", BlockedBy: words is [_, var id] ? Guid.Parse(id) : null));
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!kinds.AnyHolds)
        {
            return;
        }

        await database.Ready.WaitAsync(stoppingToken);
        while (true)
        {
            var woken = signal.Next;
            try
            {
                foreach (var ofOne in (await Look(stoppingToken)).GroupBy(wait => wait.OrgId))
                {
                    await Tell(ofOne.Key, [.. ofOne], stoppingToken);
                }
            }
            catch (Exception fault) when (!stoppingToken.IsCancellationRequested)
            {
                NotTold(Faults.IsTransient(fault) ? LogLevel.Warning : LogLevel.Error, fault);
            }

            await Task.Delay(Interval, time, stoppingToken);
            // While no work is due none waits for others.
            lookout.Ask(Claims.DueSql, Workers.FoundWithin, signal.Wake);
            await woken.WaitAsync(Lookout.LongestRest, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            stoppingToken.ThrowIfCancellationRequested();
        }
    }

    private async Task<List<Wait>> Look(CancellationToken cancel)
    {
        await using var batch = database.Relay.CreateBatch();
        var look = kinds.Command(LookSql);
        look.Parameters.Add(new() { Value = MostAtOnce });
        batch.BatchCommands.Add(look);
        await using var row = await batch.ExecuteReaderAsync(cancel);
        List<Wait> waits = [];
        while (await row.ReadAsync(cancel))
        {
            waits.Add(new(
                row.GetGuid(0), row.GetGuid(1), row.GetInt32(2), row.GetFieldValue<DateTimeOffset>(3), row.IsDBNull(4) ? null : row.GetString(4),
                row.IsDBNull(5) ? null : row.GetString(5), row.GetString(6), row.GetGuid(7), row.IsDBNull(8) ? null : row.GetString(8)));
        }

        return waits;
    }

    /// <summary>In one round trip, so that whoever claims waits for the database alone.</summary>
    private async Task Tell(Guid org, Wait[] waits, CancellationToken cancel)
    {
        var now = time.GetUtcNow();
        await using var batch = database.App.CreateBatch();
        batch.BatchCommands.Add(Tenant.ForTransaction(org));
        batch.BatchCommands.Add(new(Kinds.LockSql));
        batch.BatchCommands.Add(new(TellSql)
        {
            Parameters =
            {
                Columns.Of(waits, wait => wait.Id, NpgsqlDbType.Uuid),
                Columns.Of(waits, wait => wait.Attempts, NpgsqlDbType.Integer),
                Columns.Of(waits, wait => wait.What, NpgsqlDbType.Text),
                Columns.Of(waits, _ => Guid.CreateVersion7(now), NpgsqlDbType.Uuid),
                Columns.Of(waits, wait => wait.Body(now), NpgsqlDbType.Jsonb),
                Columns.Of(waits, wait => wait.Actor, NpgsqlDbType.Text),
                Columns.Of(waits, wait => wait.CorrelationId, NpgsqlDbType.Uuid),
                Columns.Of(waits, wait => wait.TraceParent, NpgsqlDbType.Text),
            },
        });
        await batch.ExecuteNonQueryAsync(cancel);
        relay.Wake();
    }

    [LoggerMessage("What work waits for is told later")]
    private partial void NotTold(LogLevel level, Exception fault);
}
