using System.Net.Http.Json;
using System.Text.Json;
using OpsPlatform.Contracts;

namespace OpsPlatform.Sync.Tests;

public sealed class AppendTests(SyncFixture fixture)
{
    private readonly Guid _org = Guid.NewGuid();

    [Fact]
    public async Task An_entry_carries_the_change_as_it_was_captured()
    {
        var change = SyncFixture.Change(_org, data: "{\"name\": \"Caf\\u00e9 ☕\",\r\n \"note\": \"a\\nb\", \"stock\": 1.50}");
        await fixture.Send(0, change);
        await fixture.Entries(_org, 1);

        using var client = fixture.Client(_org, "viewer");
        var page = await client.GetFromJsonAsync<JsonElement>("/sync/feed");
        var entry = page.GetProperty("items")[0];
        entry.GetProperty("position").GetInt64().ShouldBe(1);
        entry.GetProperty("id").GetGuid().ShouldBe(change.Id);
        entry.GetProperty("entityId").GetString().ShouldBe(change.EntityId);
        entry.GetProperty("rowVersion").GetInt64().ShouldBe(1);
        entry.GetProperty("operation").GetString().ShouldBe("update");
        entry.GetProperty("service").GetString().ShouldBe("inventory");
        entry.GetProperty("capturedAt").GetDateTimeOffset().ShouldBe(change.CapturedAt);
        entry.GetProperty("data").GetProperty("note").GetString().ShouldBe("a\nb");
        entry.GetProperty("data").GetProperty("name").GetString().ShouldBe("Café ☕");
        entry.GetProperty("data").GetProperty("stock").GetRawText().ShouldBe("1.50");
        entry.GetProperty("changed")[0].GetString().ShouldBe("stock");
        entry.GetProperty("metadata").GetProperty("actor").GetString().ShouldBe("test");

        using var stream = await fixture.Stream(_org, "&after=0");
        var frame = await stream.Next("change");
        frame.Id.ShouldBe(1);
        frame.Data.ShouldBe(entry.GetRawText());
    }

    [Fact]
    public async Task Positions_are_dense_and_in_batch_order_for_each_organisation_of_a_batch()
    {
        var orgs = Enumerable.Range(0, 5).Select(_ => Guid.NewGuid()).ToArray();
        var changes = Enumerable.Range(0, 100).Select(i => SyncFixture.Change(orgs[i * 7 % 5])).ToArray();
        await fixture.Send(3, changes);
        foreach (var org in orgs)
        {
            var entries = await fixture.Entries(org, 20);
            entries.Select(e => e.Position).ShouldBe(Enumerable.Range(1, 20).Select(i => (long)i));
            entries.Select(e => e.EntityId).ShouldBe(changes.Where(c => c.OrgId == org).Select(c => c.EntityId));
        }
    }

    [Fact]
    public async Task Positions_are_dense_when_all_shards_append_for_the_same_organisations_at_once()
    {
        const int Batches = 12;
        const int PerBatch = 40;
        var orgs = Enumerable.Range(0, 4).Select(_ => Guid.NewGuid()).ToArray();
        var sent = new Dictionary<int, List<CapturedChange>>();
        for (var shard = 0; shard < Topology.Shards; shard++)
        {
            // Each shard names the organisations in another order: heads locked in batch order would deadlock.
            sent[shard] = [.. Enumerable.Range(0, Batches * PerBatch).Select(i => SyncFixture.Change(orgs[(i + shard) % 4]))];
        }

        await Task.WhenAll(sent.Select(async pair =>
        {
            foreach (var batch in pair.Value.Chunk(PerBatch))
            {
                await fixture.Send(pair.Key, batch);
            }
        }));
        var perOrg = Topology.Shards * Batches * PerBatch / 4;
        foreach (var org in orgs)
        {
            var entries = await fixture.Entries(org, perOrg);
            entries.Select(e => e.Position).ShouldBe(Enumerable.Range(1, perOrg).Select(i => (long)i));
            var places = entries.ToDictionary(e => e.EntityId, e => e.Position);
            foreach (var shard in sent.Values)
            {
                shard.Where(c => c.OrgId == org).Select(c => places[c.EntityId]).ShouldBeInOrder();
            }
        }
    }

    [Fact]
    public async Task A_batch_sent_again_or_cut_elsewhere_leaves_no_repeat_and_no_hole()
    {
        var changes = SyncFixture.Changes(_org, 30);
        await fixture.Send(1, changes[..10]);
        await fixture.Send(1, changes[..10]);
        await fixture.Send(1, changes[5..20]);
        await fixture.Send(1, [changes[20], changes[20], .. changes[15..25]]);
        await Task.WhenAll(fixture.Send(1, changes[18..]), fixture.Send(2, changes[18..]), fixture.Send(3, changes[18..]));
        var last = SyncFixture.Change(_org);
        foreach (var shard in Enumerable.Range(1, 3))
        {
            await fixture.Send(shard, last);
        }

        var entries = await fixture.Entries(_org, 31);
        entries.Select(e => e.Position).ShouldBe(Enumerable.Range(1, 31).Select(i => (long)i));
        entries.Select(e => e.EntityId).Order().ShouldBe(changes.Append(last).Select(c => c.EntityId).Order());
        using var client = fixture.Client(_org);
        (await client.GetFromJsonAsync<JsonElement>("/sync/errors")).GetProperty("items").GetArrayLength().ShouldBe(0);
        var stats = await client.GetFromJsonAsync<JsonElement>("/sync/stats");
        stats.GetProperty("head").GetInt64().ShouldBe(31);
        stats.GetProperty("entries").GetInt64().ShouldBe(31);
        stats.GetProperty("services")[0].GetProperty("service").GetString().ShouldBe("inventory");
        stats.GetProperty("services")[0].GetProperty("capturedAtLast").GetDateTimeOffset().ShouldBe(last.CapturedAt);
    }

    [Fact]
    public async Task The_same_seq_of_another_service_or_time_is_another_change()
    {
        var change = SyncFixture.Change(_org);
        await fixture.Send(0, change, change with { CapturedAt = change.CapturedAt.AddMilliseconds(1), EntityId = "later" });
        await fixture.Broker.Send(new ChangeBatch("orders", 0, [change with { EntityId = "orders" }]));
        (await fixture.Entries(_org, 3)).Select(e => e.EntityId).ShouldBe([change.EntityId, "later", "orders"]);
    }

    [Fact]
    public async Task A_change_that_cannot_be_stored_is_parked_alone()
    {
        var changes = SyncFixture.Changes(_org, 3);
        changes[1] = changes[1] with { EventType = "a\0b" };
        await fixture.Send(4, changes);
        (await fixture.Entries(_org, 2)).Select(e => (e.Position, e.EntityId)).ShouldBe([(1, changes[0].EntityId), (2, changes[2].EntityId)]);
        using var client = fixture.Client(_org, "admin");
        var errors = await client.GetFromJsonAsync<JsonElement>("/sync/errors");
        errors.GetProperty("items").GetArrayLength().ShouldBe(1);
    }
}
