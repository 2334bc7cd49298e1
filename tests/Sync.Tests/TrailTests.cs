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

    [Fact]
    public async Task What_readers_got_of_a_long_feed_is_stored_by_reading_those_entries_and_no_others()
    {
        const int Ranges = 40;
        const int Each = 5;
        var org = Guid.NewGuid();
        await using var owner = await fixture.OpenAs("owner");
        await using var fill = new NpgsqlCommand(
            """
            INSERT INTO feed SELECT $1, n, 'inventory', 1000000 + n, gen_random_uuid(), 'thing_created', 'test', 'normal', 'thing', n::text, 1, 'create', '{}', '[]',
              json_build_object('correlationId', gen_random_uuid()), now() FROM generate_series(1, 20000) n
            """, owner)
        { Parameters = { new() { Value = org } } };
        await fill.ExecuteNonQueryAsync();

        // One session for all it does, which is then told to tell its counts.
        await using var relay = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder((await Infrastructure.Get()).Database(owner.Database))
        {
            MaxPoolSize = 1,
            Options = $"-c role={fixture.Database.Role("relay")}",
        });
        using var trail = new FeedTrail(relay, fixture.Database, TimeProvider.System, NullLogger<FeedTrail>.Instance);
        var before = await RowsReadOfFeed();
        for (var range = 0; range < Ranges; range++)
        {
            trail.NoteRead(org, range * Each, (range + 1) * Each)!.Delivered();
        }

        await trail.StartAsync(CancellationToken.None);
        await using var looking = await fixture.OpenAs("relay");
        await using var stored = new NpgsqlCommand("SELECT count(*) FROM hops WHERE org_id = $1 AND what = 'delivered'", looking) { Parameters = { new() { Value = org } } };
        await Eventually.Is(async () => (long)(await stored.ExecuteScalarAsync())!, count => count == Ranges * Each);
        await trail.StopAsync(CancellationToken.None);

        (await RowsReadOfFeed() - before).ShouldBeInRange(1, 2 * Ranges * Each);

        async Task<long> RowsReadOfFeed()
        {
            await using var flush = relay.CreateCommand("SELECT pg_stat_force_next_flush()");
            await flush.ExecuteNonQueryAsync();
            await using var read = relay.CreateCommand(
                "SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_all_tables WHERE relid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'feed'::regclass)");
            return (long)(await read.ExecuteScalarAsync())!;
        }
    }

    private static async Task<JsonElement[]> Hops(HttpClient client, Guid correlation, string more) =>
        [.. (await client.GetFromJsonAsync<JsonElement>($"/sync/hops?correlationId={correlation}{more}")).GetProperty("items").EnumerateArray()];
}
