using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Tests.Sample;
using OpsPlatform.Testing;

namespace OpsPlatform.ServiceDefaults.Tests;

public sealed class UpkeepTests(NotesFixture fixture) : IClassFixture<NotesFixture>
{
    private static readonly TimeSpan Month = TimeSpan.FromDays(30);

    [Fact]
    public async Task A_replica_becomes_ready_while_a_backup_reads_every_table_and_looks_after_them_later()
    {
        await using var owner = await fixture.OpenAs("owner");
        await MakeWeek(owner, "20200203", "processed");
        const string OldWeekIsThere = "SELECT to_regclass('sync_events_20200203') IS NOT NULL";
        const string NextWeek = "'hops_' || to_char(date_trunc('week', now(), 'UTC') AT TIME ZONE 'UTC' + interval '7 days', 'YYYYMMDD')";
        await Run(owner, $"DO $$ BEGIN EXECUTE 'DROP TABLE ' || {NextWeek}; END $$");
        const string PlannedForOne = "SELECT 'notes' = ANY (ops_tables_planned_for_one_organisation())";
        await Run(owner, "DO $$ BEGIN EXECUTE (SELECT format('ALTER POLICY %I ON notes USING (org_id = current_org())', policyname) FROM pg_policies WHERE tablename = 'notes' AND qual LIKE '%current_org()%'); END $$");
        await using var backup = await Administrator();
        await using (var reading = await backup.BeginTransactionAsync())
        {
            await Run(backup, "LOCK TABLE sync_events, hops, notes IN ACCESS SHARE MODE");
            await using var replica = await fixture.StartReplica();
            (await Scalar<bool>(owner, PlannedForOne)).ShouldBeTrue();
            (await Scalar<bool>(owner, $"SELECT to_regclass({NextWeek}) IS NULL")).ShouldBeTrue();
            (await Scalar<bool>(owner, OldWeekIsThere)).ShouldBeTrue();
            await reading.RollbackAsync();
            await Eventually.Is(() => Scalar<bool>(owner, $"SELECT to_regclass({NextWeek}) IS NOT NULL"));
            await Eventually.Is(async () => !await Scalar<bool>(owner, PlannedForOne));
        }

        // The replica may have done it by then.
        await Forget();
        (await Scalar<bool>(owner, OldWeekIsThere)).ShouldBeFalse();
    }

    [Fact]
    public async Task Of_documents_and_bytes_no_statistics_are_made_in_the_weeks_there_are_nor_in_one_made_later()
    {
        await using var owner = await fixture.OpenAs("owner");
        // Weeks of 2020 are those other tests make by hand.
        const string Read = """
            SELECT count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_index i ON i.indexrelid = c.oid
            WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND coalesce(a.attstattarget, -1) <> 0 AND c.relname !~ '_2020'
              AND (c.relkind IN ('r', 'p') AND a.atttypid IN ('jsonb'::regtype, 'bytea'::regtype) OR i.indkey[a.attnum - 1] = 0 AND a.attnum <= i.indnkeyatts)
            """;
        (await Scalar<long>(owner, Read)).ShouldBe(0);

        await Run(owner, """
            DO $$ BEGIN
              EXECUTE 'DROP TABLE sync_events_' || to_char(date_trunc('week', now(), 'UTC') AT TIME ZONE 'UTC' + interval '7 days', 'YYYYMMDD');
              PERFORM ops_ensure_partitions('sync_events');
            END $$
            """);
        (await Scalar<long>(owner, Read)).ShouldBe(0);
    }

    [Fact]
    public async Task Old_weeks_go_once_all_their_changes_were_sent_and_one_that_is_read_holds_up_no_other()
    {
        await using var owner = await fixture.OpenAs("owner");
        await MakeWeek(owner, "20200106", "processed");
        await MakeWeek(owner, "20200113", "failed");
        await MakeWeek(owner, "20200120", "processed");
        await using (var reader = await fixture.OpenAs("relay"))
        await using (await reader.BeginTransactionAsync())
        {
            await Scalar<long>(reader, "SELECT count(*) FROM sync_events WHERE created_at < '2020-01-13'");
            (await Forget()).ShouldBe(0);
        }

        await using (var reader = await Administrator())
        await using (await reader.BeginTransactionAsync())
        {
            // The partition alone, as autovacuum has it.
            await Run(reader, "LOCK TABLE sync_events_20200106 IN SHARE UPDATE EXCLUSIVE MODE");
            (await Forget()).ShouldBe(1);
            (await Scalar<bool>(owner, "SELECT to_regclass('sync_events_20200106') IS NOT NULL AND to_regclass('sync_events_20200120') IS NULL")).ShouldBeTrue();
        }

        (await Forget()).ShouldBe(1);
        (await Scalar<bool>(owner, "SELECT to_regclass('sync_events_20200106') IS NULL AND to_regclass('sync_events_20200113') IS NOT NULL")).ShouldBeTrue();
        await Run(owner, "UPDATE sync_events_20200113 SET sync_status = 'processed'");
        (await Forget()).ShouldBe(1);
    }

    [Fact]
    public async Task Old_rows_go_in_many_pieces_and_those_another_one_holds_later()
    {
        var forgetting = fixture.Services.GetRequiredService<Forgetting>();
        await using var owner = await fixture.OpenAs("owner");
        await Run(owner, "INSERT INTO inbox SELECT 'piecewise', gen_random_uuid(), timestamptz '2020-01-01' FROM generate_series(1, 12000)");
        await using (var holder = await Administrator())
        await using (await holder.BeginTransactionAsync())
        {
            await Run(holder, "SELECT FROM inbox WHERE consumer = 'piecewise' LIMIT 10 FOR UPDATE");
            (await forgetting.Rows("inbox", "received_at", Month, CancellationToken.None)).ShouldBe(11_990);
        }

        (await forgetting.Rows("inbox", "received_at", Month, CancellationToken.None, "consumer = 'another'")).ShouldBe(0);
        (await forgetting.Rows("inbox", "received_at", Month, CancellationToken.None)).ShouldBe(10);
        (await forgetting.Rows("no_such_table", "received_at", Month, CancellationToken.None)).ShouldBe(0);
    }

    /// <summary>Outside the service's pools: they hold no more connections than the service itself needs.</summary>
    private async Task<NpgsqlConnection> Administrator()
    {
        var name = new NpgsqlConnectionStringBuilder(fixture.Database.App.ConnectionString).Database!;
        var connection = new NpgsqlConnection((await Infrastructure.Get()).Database(name));
        await connection.OpenAsync();
        return connection;
    }

    private Task<int> Forget() =>
        fixture.Services.GetRequiredService<Forgetting>().Weeks("sync_events", Month, CancellationToken.None, "ops_drop_sent_week");

    private static async Task MakeWeek(NpgsqlConnection owner, string week, string status)
    {
        await Run(owner, $"CREATE TABLE sync_events_{week} PARTITION OF sync_events FOR VALUES FROM ('{week} 00:00+00') TO (timestamptz '{week} 00:00+00' + interval '7 days')");
        await Run(owner, $"INSERT INTO sync_events_{week} (created_at, org_id, event_type, category, priority, entity_type, entity_id, row_version, operation, data, changed, metadata, size_bytes, sync_status, shard) VALUES (timestamptz '{week} 12:00+00', gen_random_uuid(), 't', 't', 't', 't', 't', 1, 'create', '{{}}', '[]', '{{}}', 1, '{status}', 0)");
    }

    private static async Task Run(NpgsqlConnection session, string sql)
    {
        await using var command = new NpgsqlCommand(sql, session);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<T> Scalar<T>(NpgsqlConnection session, string sql)
    {
        await using var command = new NpgsqlCommand(sql, session);
        return (T)(await command.ExecuteScalarAsync())!;
    }
}
