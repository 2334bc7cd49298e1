using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using OpsPlatform.Sync.Feed;
using OpsPlatform.Sync.Health;
using OpsPlatform.Testing;

namespace OpsPlatform.Sync.Tests;

public sealed class RetentionTests(SyncFixture fixture)
{
    private static readonly DateTimeOffset LongAgo = DateTimeOffset.UtcNow.AddDays(-60);
    private readonly Guid _org = Guid.NewGuid();

    [Fact]
    public async Task Readers_of_what_retention_dropped_are_told_to_start_again()
    {
        await MakePartition(LongAgo);
        var spared = Guid.NewGuid();
        // The second one lies in no partition and so in the default one; the fourth was captured before the third was appended.
        await fixture.Send(
            0,
            SyncFixture.Change(_org, capturedAt: LongAgo),
            SyncFixture.Change(_org, capturedAt: LongAgo.AddDays(-30)),
            SyncFixture.Change(_org),
            SyncFixture.Change(_org, capturedAt: LongAgo),
            SyncFixture.Change(_org),
            SyncFixture.Change(_org),
            SyncFixture.Change(spared));
        await fixture.Entries(spared, 1);

        (await fixture.Services.GetRequiredService<ForgetFeed>().Run(CancellationToken.None)).ShouldBe(1);

        using var client = fixture.Client(_org, "viewer");
        var gone = await client.GetAsync("/sync/feed?after=3");
        gone.StatusCode.ShouldBe(HttpStatusCode.Gone);
        (await gone.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("earliest").GetInt64().ShouldBe(5);
        (await client.GetFromJsonAsync<FeedPage>("/sync/feed?after=4"))!.Items.Select(i => i.Position).ShouldBe([5, 6]);
        (await client.GetFromJsonAsync<JsonElement>("/sync/stats")).GetProperty("entries").GetInt64().ShouldBe(2);
        (await fixture.Entries(spared, 1)).Count.ShouldBe(1);

        using var stream = await fixture.Stream(_org, lastEventId: 2);
        (await stream.Next("reset")).Json.GetProperty("earliest").GetInt64().ShouldBe(5);
        (await stream.Next("ready")).Id.ShouldBe(6);
        await fixture.Send(0, SyncFixture.Change(_org));
        (await stream.Next("change")).Id.ShouldBe(7);
    }

    [Fact]
    public async Task New_entries_lie_in_weekly_partitions_made_ahead()
    {
        await fixture.Send(0, SyncFixture.Change(_org));
        await fixture.Entries(_org, 1);
        await using var owner = await fixture.OpenAs("owner");
        await using var command = new NpgsqlCommand(
            """
            SELECT (SELECT count(*) FROM feed_default WHERE org_id = $1),
                (SELECT count(*) FROM pg_inherits WHERE inhparent = 'feed'::regclass AND inhrelid::regclass::text >= 'feed_' || to_char(now() AT TIME ZONE 'UTC' - interval '7 days', 'YYYYMMDD') AND inhrelid::regclass::text <> 'feed_default')
            """,
            owner)
        { Parameters = { new() { Value = _org } } };
        await using var row = await command.ExecuteReaderAsync();
        await row.ReadAsync();
        row.GetInt64(0).ShouldBe(0);
        row.GetInt64(1).ShouldBeGreaterThanOrEqualTo(3);
    }

    [Fact]
    public async Task Metrics_alerts_resyncs_and_activity_are_forgotten_in_their_time_and_a_lock_on_one_keeps_only_that_one()
    {
        await using var owner = await fixture.OpenAs("owner");
        await using var reader = await fixture.OpenAs("relay");
        await using var reading = await reader.BeginTransactionAsync();
        await Run(reader, "LOCK TABLE ONLY system_metrics IN ACCESS SHARE MODE");
        await MakePartition(LongAgo, "system_metrics");
        await Run(owner, $"INSERT INTO system_metrics (org_id, metric_type, metric_name, value, unit, status, recorded_at) SELECT '{_org}', 'latency', 'x', 1, 'ms', 'normal', now() - n * interval '30 days' FROM generate_series(0, 4) n");
        await Run(owner, $"INSERT INTO sync_alerts SELECT '{_org}', gen_random_uuid(), 'normal', 'warning', '[]', now() - n * interval '20 days' FROM generate_series(0, 4) n");
        await Run(owner, $"INSERT INTO resyncs SELECT '{_org}', gen_random_uuid(), 'x', now() - n * interval '20 days', 1, false, '{{}}', '{{}}' FROM generate_series(0, 4) n");
        await Run(owner, $"INSERT INTO feed_activity SELECT '{_org}', 'x', now() - n * interval '90 minutes', 1, '{{}}' FROM generate_series(0, 4) n");
        await Run(owner, $"INSERT INTO feed_counts VALUES ('{_org}', 'x', '2020-01-06', 1, now()), ('{_org}', 'x', current_date, 1, now())");
        await Run(owner, $"INSERT INTO feed_heads VALUES ('{_org}', 10, 6); INSERT INTO feed_holes VALUES ('{_org}', 5), ('{_org}', 6)");

        var forget = fixture.Services.GetRequiredService<ForgetHealth>();
        await forget.Run(CancellationToken.None);
        (await Left("system_metrics")).ShouldBe(2);
        (await Left("sync_alerts"), await Left("resyncs"), await Left("feed_activity"), await Left("feed_counts"), await Left("feed_holes")).ShouldBe((2, 2, 2, 1, 1));
        await reading.RollbackAsync();
        await forget.Run(CancellationToken.None);
        (await Left("system_metrics")).ShouldBe(1);
        (await Scalar(owner, $"SELECT to_regclass('{Week(LongAgo, "system_metrics")}') IS NULL")).ShouldBe(true);

        async Task<long> Left(string table) => (long)(await Scalar(owner, $"SELECT count(*) FROM {table} WHERE org_id = '{_org}'"))!;
    }

    [Fact]
    public async Task A_deleted_row_is_remembered_until_nothing_older_of_it_can_come_and_then_forgotten()
    {
        var late = SyncFixture.Change(_org) with { EntityId = "gone" };
        var deletion = SyncFixture.Change(_org) with { EntityId = "gone", RowVersion = 2, Operation = "delete" };
        await fixture.Send(0, SyncFixture.Change(_org) with { EntityId = "there" }, deletion);
        await using var owner = await fixture.OpenAs("owner");
        await Eventually.Is(async () => await Rows() == 2);
        var forget = fixture.Services.GetRequiredService<ForgetFeed>();
        await forget.Run(CancellationToken.None);
        (await Rows()).ShouldBe(2);

        // A frame from before the deletion finds the row deleted in a later version.
        await fixture.Send(0, late);
        await fixture.Entries(_org, 3);
        await Eventually.Is(async () => (long)(await Scalar(owner, $"SELECT position FROM feed_applied WHERE org_id = '{_org}'"))! == 3);
        (await Deleted()).ShouldBe(1);

        await Run(owner, $"UPDATE feed_rows SET deleted_at = now() - interval '31 days' WHERE org_id = '{_org}' AND deleted_at IS NOT NULL");
        foreach (var (holds, frees) in ((string, string)[])[
            ("INSERT INTO source_backlogs VALUES ('{0}', 'inventory', 0, 0, 1)", "DELETE FROM source_backlogs WHERE org_id = '{0}'"),
            ("INSERT INTO source_backlogs VALUES ('{0}', 'inventory', 1, 32 * 86400000::bigint, 0)", "DELETE FROM source_backlogs WHERE org_id = '{0}'"),
            ("INSERT INTO parked_messages (org_id, queue, message_type, content_type, body, error, attempts) VALUES ('{0}', 'sync.changes.0', 'x', 'x', '', 'x', 3)", "DELETE FROM parked_messages WHERE org_id = '{0}'")])
        {
            await using var relay = await fixture.OpenAs("relay");
            await Run(relay, string.Format(null, holds, _org));
            await forget.Run(CancellationToken.None);
            (await Deleted()).ShouldBe(1, holds);
            await Run(relay, string.Format(null, frees, _org));
        }

        await forget.Run(CancellationToken.None);
        (await Deleted()).ShouldBe(0);
        (await Rows()).ShouldBe(1);

        async Task<long> Rows() => (long)(await Scalar(owner, $"SELECT count(*) FROM feed_rows WHERE org_id = '{_org}'"))!;
        async Task<long> Deleted() => (long)(await Scalar(owner, $"SELECT count(*) FROM feed_rows WHERE org_id = '{_org}' AND deleted_at IS NOT NULL"))!;
    }

    private static string Week(DateTimeOffset at, string table) => $"{table}_{Monday(at):yyyyMMdd}";

    private static DateTime Monday(DateTimeOffset at) => at.UtcDateTime.Date.AddDays(-(((int)at.UtcDateTime.DayOfWeek + 6) % 7));

    private static async Task Run(NpgsqlConnection session, string sql)
    {
        await using var command = new NpgsqlCommand(sql, session);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<object?> Scalar(NpgsqlConnection session, string sql)
    {
        await using var command = new NpgsqlCommand(sql, session);
        return await command.ExecuteScalarAsync();
    }

    private async Task MakePartition(DateTimeOffset at, string table = "feed")
    {
        var week = Monday(at);
        await using var owner = await fixture.OpenAs("owner");
        await Run(owner, $"CREATE TABLE {Week(at, table)} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)");
        await Run(owner, $"ALTER TABLE {table} ATTACH PARTITION {Week(at, table)} FOR VALUES FROM ('{week:yyyy-MM-dd}Z') TO ('{week.AddDays(7):yyyy-MM-dd}Z')");
    }
}
