using System.Security.Claims;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.ServiceDefaults.Consistency;

/// <summary>Asked every few seconds by Sync: reads the catalogue, the waiting changes and the failed ones, each through its own small index.</summary>
internal static class GetChangeState
{
    /// <summary>When more changes wait, the oldest so many are looked at.</summary>
    private const int MaxWaitingRead = 10_000;

    private const string TablesSql = """
        SELECT t.entity, t.name, coalesce(s.n_tup_ins + s.n_tup_upd + s.n_tup_del, 0)
        FROM ops_tracked_tables() t LEFT JOIN pg_stat_user_tables s ON s.schemaname = 'public' AND s.relname = t.name
        """;

    private const string BacklogSql = """
        SELECT org_id, sum(pending)::bigint, coalesce(extract(epoch FROM clock_timestamp() - min(oldest)) * 1000, 0)::bigint, sum(failed)::bigint
        FROM (
          SELECT org_id, count(*) AS pending, min(created_at) AS oldest, 0 AS failed
          FROM (SELECT org_id, created_at FROM sync_events WHERE sync_status = 'pending' ORDER BY seq LIMIT $1) waiting GROUP BY org_id
          UNION ALL
          SELECT org_id, 0, NULL, count(*) FROM sync_events WHERE sync_status = 'failed' GROUP BY org_id) backlog
        WHERE $2::uuid IS NULL OR org_id = $2
        GROUP BY org_id
        """;

    public static async Task<ChangeState> Handle(
        ClaimsPrincipal user, Caller caller, ServiceDatabase database, RelaySettings relay, TimeProvider time, CancellationToken cancel)
    {
        await using var tables = database.Digest.CreateCommand(TablesSql);
        var tracked = await ConsistencyEndpoints.Read(tables, row => new TrackedTable(row.GetString(0), row.GetString(1), row.GetInt64(2)), cancel);
        await using var waiting = database.Digest.CreateCommand(BacklogSql);
        waiting.Parameters.Add(new() { Value = MaxWaitingRead });
        waiting.Parameters.Add(new() { Value = (object?)caller.OrgId ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Uuid });
        var backlogs = await ConsistencyEndpoints.Read(waiting, row => new Backlog(row.GetGuid(0), row.GetInt64(1), row.GetInt64(2), row.GetInt64(3)), cancel);
        return new(
            database.Service, time.GetUtcNow(), relay.Auto, relay.BatchSize, relay.Attempts,
            tracked, backlogs, backlogs.Sum(backlog => backlog.Pending) >= MaxWaitingRead);
    }
}
