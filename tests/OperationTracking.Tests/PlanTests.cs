using Npgsql;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.Testing;

namespace OpsPlatform.OperationTracking.Tests;

/// <summary>A service of its own, so that its many operations are in nobody's way.</summary>
public sealed class FilledOperations : OperationsFixture
{
    private const int Operations = 100_000;
    private const int PerDay = 1_000;
    private readonly SemaphoreSlim _turn = new(1);
    private bool _isFilled;

    public Guid Org { get; } = Guid.NewGuid();

    /// <summary>An operation with ten thousand children.</summary>
    public Guid Parent { get; } = Guid.NewGuid();

    /// <summary>One operation in a hundred has failed, one in ten is of each type, user and tag. What is known of the table is of before another organisation came with as many.</summary>
    public async Task Fill()
    {
        await _turn.WaitAsync();
        try
        {
            if (_isFilled)
            {
                return;
            }

            await using var app = await OpenAs("app");
            await using var connection = new NpgsqlConnection((await Infrastructure.Get()).Database(app.Database));
            await connection.OpenAsync();
            // Without rules, and as one who sees all.
            await using var fill = new NpgsqlCommand(
                $"""
                SET session_replication_role = replica;
                INSERT INTO operations (org_id, id, operation_type, service, display_name, user_id, entity_type, entity_id, status, total_steps, steps, tags, max_attempts, queued_at, completed_at, cause_since, parent_id)
                SELECT '{Org}', gen_random_uuid(), 'type.' || n % 10, 'orders', 'Export ' || n, 'user-' || n / 10 % 10,
                  'order', 'o-' || n % 1000, CASE n % 100 WHEN 0 THEN 'failed' ELSE 'completed' END, 1, '[]', ARRAY['tag-' || n % 10], 1, at, at, at, CASE n % 10 WHEN 4 THEN '{Parent}' END::uuid
                FROM (SELECT n, now() - n * interval '1 day' / {PerDay} AS at FROM generate_series(1, {Operations}) n) o;
                INSERT INTO operation_tags (org_id, tag, queued_at, operation_id) SELECT org_id, tags[1], queued_at, id FROM operations;
                INSERT INTO operations (org_id, id, operation_type, service, display_name, user_id, total_steps, steps, max_attempts, queued_at, cause_since)
                VALUES ('{Org}', '{Parent}', 'type.parent', 'orders', 'Exports', 'user-1', 1, '[]', 1, now() - interval '1 year', now());
                ANALYZE operations; ANALYZE operation_tags;
                INSERT INTO operations (org_id, id, operation_type, service, display_name, user_id, status, total_steps, steps, max_attempts, queued_at, completed_at, cause_since)
                SELECT '{Guid.NewGuid()}', gen_random_uuid(), operation_type, service, display_name, user_id, status, total_steps, steps, max_attempts, queued_at, completed_at, cause_since
                FROM operations;
                RESET session_replication_role
                """, connection)
            { CommandTimeout = 300 };
            await fill.ExecuteNonQueryAsync();
            _isFilled = true;
        }
        finally
        {
            _turn.Release();
        }
    }
}

public sealed class PlanTests(FilledOperations operations) : IClassFixture<FilledOperations>
{
    private const int TablesOfAPage = 2;
    private const int Most = 2 * (Paging.DefaultLimit + 1) * TablesOfAPage;

    [Theory]
    [InlineData("/operations")]
    [InlineData("/operations?status=completed")]
    [InlineData("/operations?status=failed")]
    [InlineData("/operations?operationType=type.3")]
    [InlineData("/operations?user=user-3")]
    [InlineData("/operations?entityType=order&entityId=o-17")]
    [InlineData("/operations?tag=tag-3")]
    [InlineData("/operations?parentId={parent}")]
    [InlineData("/operations?parentId={parent}&cursor={cursor}")]
    [InlineData("/operations?from={60}&to={40}")]
    [InlineData("/operations?tag=tag-3&from={60}&to={40}")]
    [InlineData("/operations?cursor={cursor}")]
    [InlineData("/operations?status=failed&cursor={cursor}")]
    [InlineData("/operations?user=user-3&cursor={cursor}")]
    [InlineData("/operations?tag=tag-3&cursor={cursor}")]
    public async Task A_page_of_operations_reads_little_more_than_it_shows(string path)
    {
        await operations.Fill();
        path = path.Replace("{40}", DaysAgo(40)).Replace("{60}", DaysAgo(60)).Replace("{parent}", $"{operations.Parent}")
            .Replace("{cursor}", Paging.Encode(new { QueuedAt = DateTimeOffset.UtcNow.AddDays(-50), Id = Guid.NewGuid() }));
        foreach (var plan in await QueryPlans.Of(operations, operations.Org, path, "FROM operation"))
        {
            plan.SequentialScans.ShouldBeEmpty($"{path}, {plan}");
            plan.RowsRead.ShouldBeInRange(1, Most, $"{path}, {plan}");
        }
    }

    [Fact]
    public async Task One_operation_is_found_by_its_id()
    {
        await operations.Fill();
        foreach (var plan in await QueryPlans.Of(operations, operations.Org, $"/operations/{operations.Parent}", "FROM operations AS"))
        {
            plan.RowsRead.ShouldBe(1, $"{plan}");
        }
    }

    [Fact]
    public async Task Children_are_counted_by_reading_them_alone()
    {
        await operations.Fill();
        foreach (var plan in await QueryPlans.Of(operations, operations.Org, $"/operations/{operations.Parent}", "children_of"))
        {
            plan.FunctionScans.ShouldBeEmpty($"{plan}");
            plan.SequentialScans.ShouldBeEmpty($"{plan}");
            plan.RowsRead.ShouldBe(10_000, $"{plan}");
        }
    }

    /// <summary>What messages do to a few operations does not depend on how many there are.</summary>
    [Fact]
    public async Task What_is_heard_of_operations_reads_no_table_through()
    {
        await operations.Fill();
        await using var app = await operations.OpenAs("app", operations.Org);
        await using var transaction = await app.BeginTransactionAsync();
        await using var hear = new NpgsqlCommand(
            """
            WITH ids AS MATERIALIZED (SELECT gen_random_uuid() AS id FROM generate_series(1, 20)), said AS MATERIALIZED (SELECT
              jsonb_agg(jsonb_build_object('id', id, 'operation_type', 'type.1', 'service', 'orders', 'display_name', 'Export', 'user_id', 'u', 'queued_at', now(),
                'steps', '[{"name": "Read"}]'::jsonb, 'max_attempts', 1, 'can_undo', true, 'undoes', gen_random_uuid(), 'actor', 'u', 'correlation_id', id)) AS started,
              jsonb_agg(jsonb_build_object('id', id, 'attempt', 1, 'sequence', 1, 'at', now(), 'started_at', now(), 'advanced_at', now(), 'step', 1, 'percent', 50,
                'effects', '[{"what": "lines", "count": 1}]'::jsonb, 'metadata', '{"a": 1}'::jsonb, 'is_wait', false, 'correlation_id', id)) AS reports,
              jsonb_agg(jsonb_build_object('id', id, 'attempt', 0, 'sequence', 1, 'at', now(), 'step', 0, 'told_cause', 'lock', 'blocked_by', id, 'is_wait', true)) AS waits,
              jsonb_agg(jsonb_build_object('id', id, 'outcome', 'completed', 'ended_at', now(), 'correlation_id', id)) AS ended
              FROM ids)
            SELECT hear_started(started), (SELECT count(*) FROM hear_reports(waits)), (SELECT count(*) FROM hear_reports(reports)), hear_ended(started, reports, ended) FROM said
            """, app);
        await hear.ExecuteNonQueryAsync();
        await using var read = new NpgsqlCommand("SELECT seq_scan, idx_scan FROM pg_stat_xact_user_tables WHERE relname = 'operations'", app);
        await using var row = await read.ExecuteReaderAsync();
        (await row.ReadAsync()).ShouldBeTrue();
        row.GetInt64(0).ShouldBe(0);
        row.GetInt64(1).ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task Batches_of_what_has_changed_are_found_by_index()
    {
        await operations.Fill();
        await using var relay = await operations.OpenAs("relay", operations.Org);
        await using var transaction = await relay.BeginTransactionAsync();
        await using var find = new NpgsqlCommand($"SELECT count(*) FROM batches_of(array_fill('{operations.Org}'::uuid, ARRAY[1000]), ARRAY(SELECT gen_random_uuid() FROM generate_series(1, 1000)))", relay);
        await find.ExecuteScalarAsync();
        await using var read = new NpgsqlCommand("SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'operations'", relay);
        (await read.ExecuteScalarAsync()).ShouldBe(0L);
    }

    private static string DaysAgo(int days) => $"{DateTime.UtcNow.AddDays(-days):yyyy-MM-ddTHH:mm:ssZ}";
}
