using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using OpsPlatform.ServiceDefaults.Consistency;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tests.Sample;
using OpsPlatform.Testing;

namespace OpsPlatform.ServiceDefaults.Tests;

/// <summary>Changes are captured and kept here until somebody asks for them.</summary>
public sealed class KeepingFixture() : ServiceFixture("orders", (settings, configure) => new RunningNotes(settings, configure))
{
    protected override IEnumerable<(string Key, string Value)> Settings => [("SYNC_AUTO", "off")];
}

public sealed class ConsistencyEndpointTests(KeepingFixture fixture) : IClassFixture<KeepingFixture>
{
    private readonly Guid _org = Guid.NewGuid();

    [Fact]
    public async Task The_state_tells_the_tracked_tables_and_each_organisations_waiting_changes()
    {
        await Add("one", "two");
        var state = await Get<ChangeState>("state");
        (state.Service, state.Auto).ShouldBe(("orders", false));
        state.Tables.Select(table => (table.EntityType, table.Table)).ShouldBe([("note", "notes")]);
        var backlog = state.Backlogs.Single(backlog => backlog.OrganisationId == _org);
        (backlog.Pending, backlog.Failed).ShouldBe((2, 0));
        backlog.OldestWaitsMs.ShouldBeInRange(0, 60_000);
        await Eventually.Is(async () => (await Get<ChangeState>("state")).Tables[0].Writes > 0);
    }

    [Fact]
    public async Task Digests_are_the_same_for_the_same_ids_and_versions_and_differ_for_any_other()
    {
        var ids = await Add("a", "b", "c");
        var before = await Mine();
        (before.Rows, before.Versions).ShouldBe((3, 3));
        await Sql("UPDATE notes SET text = 'changed' WHERE id = $1", ids[0]);
        var after = await Mine();
        (after.Rows, after.Versions).ShouldBe((3, 4));
        after.Hash.ShouldNotBe(before.Hash);

        var buckets = (await Get<RowDigests>($"digest?entityType=note&organisationId={_org}&buckets=16")).Items;
        (buckets.Sum(bucket => bucket.Rows), buckets.Sum(bucket => bucket.Versions), buckets.Sum(bucket => bucket.Hash)).ShouldBe((after.Rows, after.Versions, after.Hash));
        var rows = await Post<SourceRows>("rows", new { organisationId = _org, entityType = "note", buckets = 16, inBuckets = buckets.Select(bucket => long.Parse(bucket.Key)) });
        rows.Items.Select(row => (row.Id, row.RowVersion, row.Pending)).ShouldBe(
            [(ids[0].ToString(), 2, true), (ids[1].ToString(), 1, true), (ids[2].ToString(), 1, true)], ignoreOrder: true);
    }

    [Fact]
    public async Task Kept_changes_leave_when_they_are_asked_for_and_not_before()
    {
        var changes = await fixture.Broker.ListenToChanges();
        var ids = await Add("kept");
        (await Post<SourceRows>("rows", new { organisationId = _org, entityType = "note", ids })).Items.ShouldBe([new(ids[0].ToString(), 1, true)]);
        var waiting = (await Get<UnsentChanges>($"unsent?organisationId={_org}&status=pending")).Items;
        waiting.Select(change => (change.EntityId, change.EventType, change.Status)).ShouldBe([(ids[0].ToString(), "note_created", "pending")]);

        using var platform = fixture.Operator();
        (await platform.PostAsync("/orders/changes/send", null)).StatusCode.ShouldBe(HttpStatusCode.Accepted);
        while (!(await changes.ReadAsync(Timeout())).Changes.Any(change => change.EntityId == ids[0].ToString()))
        {
        }

        await Eventually.Is(async () => !(await Post<SourceRows>("rows", new { organisationId = _org, entityType = "note", ids })).Items[0].Pending);
        await Add("kept as well");
        (await Get<ChangeState>("state")).Backlogs.Single(backlog => backlog.OrganisationId == _org).Pending.ShouldBe(1);
    }

    [Fact]
    public async Task Rows_are_captured_once_more_as_they_are_and_gone_ones_as_deleted()
    {
        var changes = await fixture.Broker.ListenToChanges();
        var ids = await Add("kept", "deleted", "never heard of");
        await Sql("UPDATE notes SET text = 'newer', secret = 'hidden' WHERE id = $1", ids[0]);
        await Sql("DELETE FROM notes WHERE id = $1", ids[1]);
        await Sql("DELETE FROM notes WHERE id = $1", ids[2]);
        var emitted = await Post<EmittedChanges>("emit", new
        {
            organisationId = _org,
            entityType = "note",
            rows = new object[] { new { id = ids[0], knownVersion = 1 }, new { id = ids[1], knownVersion = 1 }, new { id = ids[2] }, new { id = "no id at all" } },
            actor = "somebody",
        });
        emitted.Items.ShouldBe([new(ids[0].ToString(), "update", 2), new(ids[1].ToString(), "delete", 2)], ignoreOrder: true);

        var seen = new Dictionary<string, JsonElement>();
        while (seen.Count < 2)
        {
            foreach (var change in (await changes.ReadAsync(Timeout())).Changes.Where(change => change.OrgId == _org))
            {
                var metadata = JsonDocument.Parse(change.Metadata).RootElement;
                if (metadata.GetProperty("source").GetString() == "resync")
                {
                    metadata.GetProperty("actor").GetString().ShouldBe("somebody");
                    (change.EventType, change.RowVersion).ShouldBe((change.Operation == "delete" ? "note_deleted" : "note_updated", 2));
                    seen[change.EntityId] = JsonDocument.Parse(change.Data).RootElement;
                }
            }
        }

        seen[ids[0].ToString()].GetProperty("text").GetString().ShouldBe("newer");
        seen[ids[0].ToString()].TryGetProperty("secret", out _).ShouldBeFalse();
    }

    [Fact]
    public async Task Members_and_other_organisations_are_refused()
    {
        var ids = await Add("mine");
        using var staff = fixture.Client(_org, "staff");
        using var stranger = fixture.Client(Guid.NewGuid(), "owner");
        using var own = fixture.Client(_org, "owner");
        foreach (var path in (string[])["state", $"digest?entityType=note&organisationId={_org}", $"unsent?organisationId={_org}&status=pending"])
        {
            (await staff.GetAsync($"/orders/changes/{path}")).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
            (await own.GetAsync($"/orders/changes/{path}")).StatusCode.ShouldBe(HttpStatusCode.OK);
        }

        (await own.GetAsync("/orders/changes/digest?entityType=note")).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        (await stranger.GetAsync($"/orders/changes/digest?entityType=note&organisationId={_org}")).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        (await stranger.GetFromJsonAsync<ChangeState>("/orders/changes/state", Json.Options))!.Backlogs.ShouldBeEmpty();
        (await stranger.PostAsJsonAsync("/orders/changes/rows", new { organisationId = _org, entityType = "note", ids })).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task Only_services_and_the_operator_have_changes_sent_or_captured_once_more()
    {
        var emit = new { organisationId = _org, entityType = "note", rows = new[] { new { id = (await Add("mine"))[0] } } };
        using var owner = fixture.Client(_org, "owner");
        foreach (var refused in (HttpResponseMessage[])[await owner.PostAsync("/orders/changes/send", null), await owner.PostAsJsonAsync("/orders/changes/emit", emit)])
        {
            refused.StatusCode.ShouldBe(HttpStatusCode.Forbidden);
            (await refused.Content.ReadAsStringAsync()).ShouldContain("operator key");
        }

        using var platform = fixture.Operator();
        using var itself = fixture.ServiceClient("sync");
        using var forMine = fixture.ServiceClient("sync", _org);
        using var forAnother = fixture.ServiceClient("sync", Guid.NewGuid());
        foreach (var allowed in (HttpClient[])[platform, itself, forMine])
        {
            (await allowed.PostAsync("/orders/changes/send", null)).StatusCode.ShouldBe(HttpStatusCode.Accepted);
            var answer = await allowed.PostAsJsonAsync("/orders/changes/emit", emit);
            (await answer.Content.ReadFromJsonAsync<EmittedChanges>(Json.Options))!.Items.Count.ShouldBe(1);
        }

        (await forAnother.PostAsJsonAsync("/orders/changes/emit", emit)).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
    }

    [Theory]
    [InlineData("digest", HttpStatusCode.BadRequest)]
    [InlineData("digest?entityType=planet", HttpStatusCode.NotFound)]
    [InlineData("digest?entityType=note&organisationId=x", HttpStatusCode.BadRequest)]
    [InlineData("digest?entityType=note&buckets=0", HttpStatusCode.BadRequest)]
    [InlineData("digest?entityType=note&cursor=broken", HttpStatusCode.BadRequest)]
    [InlineData("unsent?status=pending", HttpStatusCode.BadRequest)]
    [InlineData("unsent?organisationId=5b6f0c5c-8b4c-4a6e-9d2b-9f7f4f0f9a11&status=processed", HttpStatusCode.BadRequest)]
    public async Task A_question_that_cannot_be_answered_is_refused(string path, HttpStatusCode status)
    {
        using var sync = fixture.ServiceClient("sync");
        (await sync.GetAsync($"/orders/changes/{path}")).StatusCode.ShouldBe(status);
    }

    [Theory]
    [InlineData("SELECT text FROM notes")]
    [InlineData("SELECT data FROM sync_events")]
    [InlineData("UPDATE notes SET text = 'x'")]
    [InlineData("INSERT INTO sync_events (org_id) VALUES (gen_random_uuid())")]
    [InlineData("SELECT * FROM outbox")]
    public async Task The_digest_role_may_not(string sql) => await IsRefused("digest", sql);

    [Theory]
    [InlineData("SELECT ops_emit_changes(gen_random_uuid(), 'note', '{}', '{}', '{}')")]
    [InlineData("UPDATE relay_demand SET up_to = 0")]
    public async Task The_application_role_may_not(string sql) => await IsRefused("app", sql);

    [Fact]
    public async Task The_application_role_sees_no_others_rows_though_the_digest_role_does()
    {
        await Add("seen by one");
        await using var stranger = await fixture.OpenAs("app", Guid.NewGuid());
        await using var read = new NpgsqlCommand("SELECT count(*) FROM notes", stranger);
        (await read.ExecuteScalarAsync()).ShouldBe(0L);
        await using var owner = await fixture.OpenAs("owner");
        await using var all = new NpgsqlCommand("SELECT count(*) FROM notes", owner);
        (await all.ExecuteScalarAsync()).ShouldBe(0L);
    }

    private static CancellationToken Timeout() => new CancellationTokenSource(TimeSpan.FromSeconds(20)).Token;

    private async Task IsRefused(string role, string sql)
    {
        await using var session = await fixture.OpenAs(role, _org);
        await using var command = new NpgsqlCommand(sql, session);
        (await Should.ThrowAsync<PostgresException>(() => command.ExecuteNonQueryAsync())).SqlState.ShouldBe(PostgresErrorCodes.InsufficientPrivilege);
    }

    private async Task<RowDigest> Mine() => (await Get<RowDigests>("digest?entityType=note")).Items.Single(digest => digest.Key == _org.ToString());

    private async Task<Guid[]> Add(params string[] texts)
    {
        var ids = texts.Select(_ => Guid.CreateVersion7()).ToArray();
        foreach (var (id, text) in ids.Zip(texts))
        {
            await Sql($"INSERT INTO notes (id, text) VALUES ($1, '{text}')", id);
        }

        return ids;
    }

    private async Task Sql(string sql, Guid id)
    {
        await using var session = await fixture.OpenAs("app", _org);
        await using var command = new NpgsqlCommand(sql, session) { Parameters = { new() { Value = id } } };
        await command.ExecuteNonQueryAsync();
    }

    private async Task<T> Get<T>(string path)
    {
        using var sync = fixture.ServiceClient("sync");
        return (await sync.GetFromJsonAsync<T>($"/orders/changes/{path}", Json.Options))!;
    }

    private async Task<T> Post<T>(string path, object body)
    {
        using var sync = fixture.ServiceClient("sync");
        var answer = await sync.PostAsJsonAsync($"/orders/changes/{path}", body);
        answer.StatusCode.ShouldBe(HttpStatusCode.OK, await answer.Content.ReadAsStringAsync());
        return (await answer.Content.ReadFromJsonAsync<T>(Json.Options))!;
    }
}
