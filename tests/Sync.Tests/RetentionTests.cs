using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using OpsPlatform.Sync.Feed;

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

    private async Task MakePartition(DateTimeOffset at)
    {
        var week = at.UtcDateTime.Date.AddDays(-(((int)at.UtcDateTime.DayOfWeek + 6) % 7));
        await using var owner = await fixture.OpenAs("owner");
        await using var command = new NpgsqlCommand(
            $"CREATE TABLE feed_{week:yyyyMMdd} PARTITION OF feed FOR VALUES FROM ('{week:yyyy-MM-dd}Z') TO ('{week.AddDays(7):yyyy-MM-dd}Z')", owner);
        await command.ExecuteNonQueryAsync();
    }
}
