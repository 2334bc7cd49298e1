using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using OpsPlatform.Sync.Feed;
using OpsPlatform.Testing;

namespace OpsPlatform.Sync.Tests;

/// <summary>A service of its own: of a second in which other tests append by the thousand nothing more is kept.</summary>
public sealed class QuietSyncFixture : SyncFixture;

public sealed class TrailTests(QuietSyncFixture fixture) : IClassFixture<QuietSyncFixture>
{
    [Fact]
    public async Task The_feed_tells_when_a_change_was_appended_and_first_delivered_to_its_own_organisation_only()
    {
        var org = Guid.NewGuid();
        var correlation = Guid.NewGuid();
        using var stream = await fixture.Stream(org);
        await stream.Next("ready");
        var change = SyncFixture.Change(org) with { Metadata = $$"""{"correlationId": "{{correlation}}", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}""" };
        await fixture.Send(0, change);
        await stream.Next("change");

        var hops = await Eventually.Is(() => Hops(fixture.Client(org), correlation, ""), found => found.Length == 2);
        hops.Select(hop => hop.GetProperty("what").GetString()).ShouldBe(["appended", "delivered"]);
        hops.ShouldAllBe(hop => hop.GetProperty("position").GetInt64() == 1 && hop.GetProperty("messageId").GetGuid() == change.Id
            && hop.GetProperty("entityId").GetString() == change.EntityId && hop.GetProperty("traceId").GetString() == "4bf92f3577b34da6a3ce929d0e0e4736");
        hops[1].GetProperty("at").GetDateTimeOffset().ShouldBeGreaterThanOrEqualTo(hops[0].GetProperty("at").GetDateTimeOffset());
        (await Hops(fixture.Client(org), Guid.NewGuid(), $"&entityId={change.EntityId}")).Length.ShouldBe(2);
        (await Hops(fixture.Client(Guid.NewGuid()), correlation, $"&entityId={change.EntityId}")).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_change_nobody_reads_is_appended_and_delivered_to_nobody()
    {
        var org = Guid.NewGuid();
        var correlation = Guid.NewGuid();
        await fixture.Send(0, SyncFixture.Change(org) with { Metadata = $$"""{"correlationId": "{{correlation}}"}""" });
        var hops = await Eventually.Is(() => Hops(fixture.Client(org), correlation, ""), found => found.Length > 0);
        hops.ShouldHaveSingleItem().GetProperty("what").GetString().ShouldBe("appended");
    }

    [Fact]
    public async Task Of_changes_larger_than_a_second_keeps_nothing_is_told_and_of_later_ones_all()
    {
        var org = Guid.NewGuid();
        var correlation = Guid.NewGuid();
        var large = SyncFixture.Change(org) with { Metadata = $$"""{"correlationId": "{{correlation}}", "source": "{{new string('x', 3_000_000)}}"}""" };
        await fixture.Send(0, large);
        await fixture.Entries(org, 1);
        // The second in which the large one came has no room for these either.
        var hops = await Eventually.Is(
            async () =>
            {
                await fixture.Send(0, SyncFixture.Change(org) with { Metadata = $$"""{"correlationId": "{{correlation}}"}""" });
                return await Hops(fixture.Client(org), correlation, "");
            },
            found => found.Length > 0);
        hops.ShouldNotContain(hop => hop.GetProperty("messageId").GetGuid() == large.Id);
    }

    [Fact]
    public void Of_a_flood_beyond_what_a_second_keeps_nothing_is_copied()
    {
        using var trail = new FeedTrail(
            fixture.Services.GetRequiredKeyedService<NpgsqlDataSource>("relay"), fixture.Database, TimeProvider.System, NullLogger<FeedTrail>.Instance);
        var org = Guid.NewGuid();
        var flood = SyncFixture.Changes(org, 1_000).Select((change, index) => (index + 1L, change)).ToArray();
        trail.Note(org, flood).ShouldNotBeNull();
        trail.Note(org, flood).ShouldBeNull();
        var before = GC.GetAllocatedBytesForCurrentThread();
        trail.Note(org, flood).ShouldBeNull();
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(1_000);
    }

    private static async Task<JsonElement[]> Hops(HttpClient client, Guid correlation, string more) =>
        [.. (await client.GetFromJsonAsync<JsonElement>($"/sync/hops?correlationId={correlation}{more}")).GetProperty("items").EnumerateArray()];
}
