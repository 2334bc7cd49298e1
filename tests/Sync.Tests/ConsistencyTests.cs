using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;

namespace OpsPlatform.Sync.Tests;

public sealed class ConsistencyTests(HealthFixture fixture)
{
    private readonly Guid _org = Guid.NewGuid();

    [Fact]
    public async Task Rows_that_agree_score_1_whatever_was_deleted_or_came_late()
    {
        // Made before, such as one that failed and was tried again.
        var late = HealthFixture.Change(_org, "a", 2);
        await fixture.Agree(_org, "a", 3);
        await fixture.Append(late);
        await fixture.Agree(_org, "b", 1);
        await fixture.Append(_org, "gone", 1, "create");
        await fixture.Append(_org, "gone", 2, "delete");
        var health = await fixture.Agreement(_org, 2);
        health.GetProperty("reasons").GetArrayLength().ShouldBe(0);
        (await fixture.Get(_org, "/sync/alerts")).GetProperty("items").GetArrayLength().ShouldBe(0);
    }

    [Fact]
    public async Task Lost_changes_are_found_named_told_once_and_repaired_and_the_level_returns()
    {
        var heard = await fixture.Broker.Listen<SyncHealthChanged>();
        for (var i = 0; i < 10; i++)
        {
            await fixture.Agree(_org, $"row-{i}", 1);
        }

        await fixture.Agreement(_org, 10);
        // Stale: the second change never came. Missing: it never heard of the row. Extra: the deletion never came.
        fixture.Source.Set(_org, "row-1", 2);
        fixture.Source.Set(_org, "lost", 1);
        fixture.Source.Set(_org, "row-2", null);

        var health = await fixture.Health(_org, h => h.GetProperty("level").GetString() == "critical");
        health.GetProperty("score").GetDouble().ShouldBe(0.7, 0.001);
        health.GetProperty("reasons")[0].GetString()!.ShouldContain("3 of 10 rows of inventory.ingredients differ");
        (await Mismatches()).ShouldBe([("lost", "missing", 1, null), ("row-1", "stale", 2, 1), ("row-2", "extra", null, 1)]);
        var raised = await heard.Next(_org);
        (raised.Message.From, raised.Message.To).ShouldBe(("normal", "critical"));
        var metric = (await fixture.Get(_org, "/sync/metrics?metricType=data_consistency&name=inventory.ingredient")).GetProperty("items")[0];
        metric.GetProperty("status").GetString().ShouldBe("critical");
        metric.GetProperty("metadata").GetProperty("mismatchingIds").EnumerateArray().Select(id => id.GetString()).ShouldBe(["lost", "row-1", "row-2"]);
        metric.GetProperty("metadata").GetProperty("position").GetInt64().ShouldBe(10);
        metric.GetProperty("metadata").GetProperty("source").GetProperty("rows").GetInt64().ShouldBe(10);

        var preview = await Resync(new { preview = true });
        (preview.GetProperty("found").GetInt32(), preview.GetProperty("repairedCount").GetInt32()).ShouldBe((3, 0));
        fixture.Source.Emitted.ContainsKey(_org).ShouldBeFalse();

        var repaired = await Resync(new { });
        (repaired.GetProperty("repairedCount").GetInt32(), repaired.GetProperty("remainingCount").GetInt32()).ShouldBe((3, 0));
        repaired.GetProperty("repaired").EnumerateArray().Select(row => row.GetProperty("id").GetString()).Order().ShouldBe(["lost", "row-1", "row-2"]);
        (await fixture.Get(_org, "/sync/health")).GetProperty("score").GetDouble().ShouldBe(1);
        (await Mismatches()).ShouldBeEmpty();
        (await Resync(new { })).GetProperty("found").GetInt32().ShouldBe(0);
        fixture.Source.Emitted[_org].ShouldBe(1);

        await fixture.Agreement(_org, 10);
        var lowered = await heard.Next(_org);
        (lowered.Message.From, lowered.Message.To).ShouldBe(("critical", "normal"));
        (await fixture.Get(_org, "/sync/alerts")).GetProperty("items").EnumerateArray().Select(alert => alert.GetProperty("to").GetString()).ShouldBe(["normal", "critical"]);
        (await fixture.Get(_org, "/sync/resyncs", "admin")).GetProperty("items").EnumerateArray().Select(item => item.GetProperty("preview").GetBoolean()).ShouldBe([false, false, true]);
    }

    [Fact]
    public async Task A_change_that_waits_at_its_service_is_in_flight_and_no_mismatch()
    {
        await fixture.Agree(_org, "a", 1);
        await fixture.Agreement(_org, 1);
        fixture.Source.Set(_org, "a", 2, pending: true, waitsMs: 100);
        var health = await fixture.Health(_org, h => h.GetProperty("tables")[0].GetProperty("inFlight").GetInt64() == 1);
        (health.GetProperty("score").GetDouble(), health.GetProperty("level").GetString()).ShouldBe((1, "normal"));
        health.GetProperty("services").EnumerateArray().Single(service => service.GetProperty("service").GetString() == "inventory").GetProperty("pending").GetInt64().ShouldBe(1);
        await fixture.Agree(_org, "a", 2);
        await fixture.Agreement(_org, 1);
        (await fixture.Get(_org, "/sync/alerts")).GetProperty("items").GetArrayLength().ShouldBe(0);
    }

    [Fact]
    public async Task A_change_still_in_the_queue_is_no_mismatch_however_often_it_is_looked_at()
    {
        await fixture.Agree(_org, "a", 1);
        await fixture.Agreement(_org, 1);
        await using (var owner = await fixture.OpenAs("owner"))
        await using (var held = await owner.BeginTransactionAsync())
        {
            await using var hold = new NpgsqlCommand("SELECT FROM feed_heads WHERE org_id = $1 FOR UPDATE", owner) { Parameters = { new() { Value = _org } } };
            await hold.ExecuteNonQueryAsync();
            // Sent and confirmed, says the service; but the append cannot go on.
            await fixture.Append(_org, "a", 2);
            fixture.Source.Set(_org, "a", 2);
            var asked = fixture.Source.RowsAsked.GetValueOrDefault(_org);
            await Eventually.Is(() => Task.FromResult(fixture.Source.RowsAsked.GetValueOrDefault(_org) > asked + 1));
            (await Mismatches()).ShouldBeEmpty();
        }

        await fixture.Agreement(_org, 1);
        (await fixture.Get(_org, "/sync/alerts")).GetProperty("items").GetArrayLength().ShouldBe(0);
    }

    [Fact]
    public async Task A_row_taken_out_of_the_state_by_hand_is_found_and_repaired()
    {
        await fixture.Agree(_org, "a", 4);
        await fixture.Agree(_org, "b", 1);
        await fixture.Agreement(_org, 2);
        await using (var owner = await fixture.OpenAs("owner"))
        {
            await using var delete = new NpgsqlCommand("DELETE FROM feed_rows WHERE org_id = $1 AND entity_id = 'a'", owner) { Parameters = { new() { Value = _org } } };
            (await delete.ExecuteNonQueryAsync()).ShouldBe(1);
        }

        await fixture.Health(_org, h => h.GetProperty("score").GetDouble() == 0.5);
        (await Mismatches()).ShouldBe([("a", "missing", 4, null)]);
        (await Resync(new { service = "inventory", entityType = "ingredient", ids = new[] { "a" } })).GetProperty("repairedCount").GetInt32().ShouldBe(1);
        await fixture.Agreement(_org, 2);
    }

    [Fact]
    public async Task A_table_set_back_is_ahead_in_the_feed_and_stays_to_be_mended_at_its_service()
    {
        await fixture.Agree(_org, "a", 5);
        await fixture.Agreement(_org, 1);
        fixture.Source.Set(_org, "a", 3);
        await fixture.Health(_org, h => h.GetProperty("score").GetDouble() < 1);
        var resync = await Resync(new { });
        resync.GetProperty("repairedCount").GetInt32().ShouldBe(0);
        resync.GetProperty("remaining")[0].GetProperty("kind").GetString().ShouldBe("ahead");
        fixture.Source.Set(_org, "a", 5);
    }

    [Fact]
    public async Task Two_resyncs_at_once_repair_once()
    {
        await fixture.Agree(_org, "a", 1);
        await fixture.Agreement(_org, 1);
        fixture.Source.Set(_org, "a", 2);
        using var client = fixture.Client(_org, "admin");
        var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => client.PostAsJsonAsync("/sync/resync", new { })));
        answers.Select(answer => answer.StatusCode).ShouldAllBe(status => status == HttpStatusCode.OK || status == HttpStatusCode.Conflict);
        answers.ShouldContain(answer => answer.StatusCode == HttpStatusCode.OK);
        fixture.Source.Emitted[_org].ShouldBe(1);
        await fixture.Agreement(_org, 1);
    }

    [Fact]
    public async Task A_resync_that_gets_no_turn_is_told_when_to_come_again()
    {
        Guid[] orgs = [Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid()];
        foreach (var org in orgs)
        {
            await fixture.Agree(org, "a", 1);
            await fixture.Agreement(org, 1);
            fixture.Source.Set(org, "a", 2);
        }

        var held = new TaskCompletionSource();
        var send = fixture.Source.Send;
        fixture.Source.Send = async (org, change) =>
        {
            await held.Task;
            await send(org, change);
        };
        try
        {
            var working = orgs.Select(org => fixture.Client(org, "admin").PostAsJsonAsync("/sync/resync", new { })).ToArray();
            await Eventually.Is(() => Task.FromResult(orgs.All(fixture.Source.Emitted.ContainsKey)));
            using var client = fixture.Client(_org, "admin");
            var refused = await client.PostAsJsonAsync("/sync/resync", new { preview = true });
            refused.StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);
            refused.Headers.RetryAfter!.Delta.ShouldBe(TimeSpan.FromSeconds(10));
            (await refused.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("type").GetString().ShouldBe("https://opsplatform.dev/problems/too-many-resyncs");
            held.SetResult();
            (await Task.WhenAll(working)).ShouldAllBe(answer => answer.StatusCode == HttpStatusCode.OK);
            (await client.PostAsJsonAsync("/sync/resync", new { preview = true })).StatusCode.ShouldBe(HttpStatusCode.OK);
        }
        finally
        {
            held.TrySetResult();
            fixture.Source.Send = send;
        }
    }

    [Fact]
    public async Task Another_organisation_sees_and_repairs_nothing_of_it()
    {
        await fixture.Agree(_org, "a", 1);
        await fixture.Agreement(_org, 1);
        fixture.Source.Set(_org, "a", 2);
        await fixture.Health(_org, h => h.GetProperty("level").GetString() != "normal");
        var other = Guid.NewGuid();
        foreach (var path in (string[])["mismatches", "alerts", "resyncs", "metrics", "events"])
        {
            (await fixture.Get(other, $"/sync/{path}", "admin")).GetProperty("items").GetArrayLength().ShouldBe(0, path);
        }

        (await fixture.Get(other, "/sync/health")).GetProperty("level").GetString().ShouldBe("normal");
        using var client = fixture.Client(other, "admin");
        var answer = await client.PostAsJsonAsync("/sync/resync", new { service = "inventory", entityType = "ingredient", ids = new[] { "a" } });
        (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("found").GetInt32().ShouldBe(0);
        (await Mismatches()).Count.ShouldBe(1);
        fixture.Source.Set(_org, "a", 1);
    }

    [Theory]
    [InlineData("{\"entityType\": \"ingredient\"}", HttpStatusCode.BadRequest)]
    [InlineData("{\"service\": \"inventory\", \"ids\": [\"a\"]}", HttpStatusCode.BadRequest)]
    [InlineData("{\"service\": \"inventory\", \"entityType\": \"ingredient\", \"ids\": []}", HttpStatusCode.BadRequest)]
    [InlineData("{\"service\": \"moon\"}", HttpStatusCode.NotFound)]
    [InlineData("{\"unknown\": 1}", HttpStatusCode.BadRequest)]
    public async Task A_resync_that_cannot_be_meant_is_refused(string body, HttpStatusCode status)
    {
        using var client = fixture.Client(_org, "admin");
        using var content = new StringContent(body, null, "application/json");
        (await client.PostAsync("/sync/resync", content)).StatusCode.ShouldBe(status);
    }

    [Theory]
    [InlineData("staff")]
    [InlineData("viewer")]
    public async Task Only_an_admin_may_resync(string role)
    {
        using var client = fixture.Client(_org, role);
        (await client.PostAsJsonAsync("/sync/resync", new { })).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        (await client.GetAsync("/sync/resyncs")).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
    }

    private async Task<JsonElement> Resync(object request)
    {
        using var client = fixture.Client(_org, "admin");
        var answer = await client.PostAsJsonAsync("/sync/resync", request);
        answer.StatusCode.ShouldBe(HttpStatusCode.OK, await answer.Content.ReadAsStringAsync());
        return await answer.Content.ReadFromJsonAsync<JsonElement>();
    }

    private async Task<List<(string Id, string Kind, long? Source, long? Feed)>> Mismatches() =>
    [
        .. (await fixture.Get(_org, "/sync/mismatches")).GetProperty("items").EnumerateArray().Select(item => (
            item.GetProperty("id").GetString()!, item.GetProperty("kind").GetString()!, Number(item.GetProperty("sourceVersion")), Number(item.GetProperty("feedVersion")))),
    ];

    private static long? Number(JsonElement value) => value.ValueKind == JsonValueKind.Number ? value.GetInt64() : null;
}
