using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;

namespace OpsPlatform.Sync.Tests;

public sealed class TenancyTests(SyncFixture fixture)
{
    private readonly Guid _org = Guid.NewGuid();
    private readonly Guid _other = Guid.NewGuid();

    [Fact]
    public async Task Another_organisation_sees_nothing_by_page_stats_or_stream()
    {
        using var stream = await fixture.Stream(_other, "&after=0");
        await stream.Next("ready");
        await fixture.Send(0, SyncFixture.Changes(_org, 3));
        await fixture.Entries(_org, 3);
        using var client = fixture.Client(_other);
        var page = (await client.GetFromJsonAsync<FeedPage>("/sync/feed"))!;
        (page.Items.Count, page.Head).ShouldBe((0, 0));
        (await client.GetFromJsonAsync<JsonElement>("/sync/stats")).GetProperty("head").GetInt64().ShouldBe(0);

        var own = SyncFixture.Change(_other);
        await fixture.Send(0, own);
        var first = await stream.Next("change");
        (first.Id, first.EntityId).ShouldBe((1, own.EntityId));
    }

    [Fact]
    public async Task The_application_role_reads_its_own_organisation_only()
    {
        await fixture.Send(0, SyncFixture.Changes(_org, 2));
        await fixture.Entries(_org, 2);
        foreach (var (org, expected) in new (Guid?, long)[] { (_org, 2), (_other, 0), (null, 0) })
        {
            await using var app = await fixture.OpenAs("app", org);
            (await Scalar(app, $"SELECT count(*) FROM feed WHERE org_id = '{_org}'")).ShouldBe(expected);
            (await Scalar(app, $"SELECT coalesce(sum(position), 0)::bigint FROM feed_heads WHERE org_id = '{_org}'")).ShouldBe(expected);
        }
    }

    [Theory]
    [InlineData("INSERT INTO feed_heads (org_id) VALUES (current_org())")]
    [InlineData("UPDATE feed_heads SET position = 0")]
    [InlineData("DELETE FROM feed")]
    [InlineData("UPDATE feed SET data = '{}'")]
    [InlineData("TRUNCATE feed")]
    [InlineData("SELECT * FROM feed_default")]
    [InlineData("SELECT * FROM feed_tickets")]
    [InlineData("UPDATE feed_tickets SET role = 'owner'")]
    [InlineData("INSERT INTO feed_tickets VALUES (decode(repeat('00', 32), 'hex'), gen_random_uuid(), 'x', 'owner', 'infinity', 'infinity')")]
    [InlineData("SELECT append_changes('x', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')")]
    [InlineData("SELECT forget_feed(now())")]
    [InlineData("SELECT forget_stray_entries(now(), 1)")]
    [InlineData("SELECT drop_feed_week('feed_default')")]
    [InlineData("SELECT ops_forget_rows(now(), 1, 'feed_rows', 'deleted_at')")]
    [InlineData("SELECT ops_drop_week('feed_default')")]
    [InlineData("SELECT ops_drop_sent_week('sync_events_default')")]
    public async Task The_application_role_may_not(string sql)
    {
        await using var app = await fixture.OpenAs("app", _org);
        (await Should.ThrowAsync<PostgresException>(() => Scalar(app, sql))).SqlState.ShouldBe(PostgresErrorCodes.InsufficientPrivilege);
    }

    [Theory]
    [InlineData("INSERT INTO feed_heads (org_id) VALUES (gen_random_uuid())")]
    [InlineData("DELETE FROM feed")]
    [InlineData("SELECT redeem_ticket('x')")]
    public async Task The_relay_role_may_not(string sql)
    {
        await using var relay = await fixture.OpenAs("relay");
        (await Should.ThrowAsync<PostgresException>(() => Scalar(relay, sql))).SqlState.ShouldBe(PostgresErrorCodes.InsufficientPrivilege);
    }

    [Fact]
    public async Task No_partition_is_granted_to_anybody()
    {
        await using var owner = await fixture.OpenAs("owner");
        (await Scalar(
            owner,
            """
            SELECT count(*) FROM pg_inherits i, unnest(ARRAY['sync_app', 'sync_relay']) role
            WHERE i.inhparent = 'feed'::regclass AND has_table_privilege(role, i.inhrelid, 'SELECT, INSERT, UPDATE, DELETE')
            """)).ShouldBe(0L);
    }

    private static async Task<object?> Scalar(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }
}
