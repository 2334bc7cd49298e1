using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using OpsPlatform.Testing;

namespace OpsPlatform.Sync.Tests;

public sealed class PageTests(SyncFixture fixture)
{
    private readonly Guid _org = Guid.NewGuid();

    [Fact]
    public async Task An_organisation_without_entries_has_an_empty_page_at_zero()
    {
        using var client = fixture.Client(_org, "viewer");
        (await client.GetStringAsync("/sync/feed")).ShouldBe("{\"items\":[],\"position\":0,\"head\":0}");
        var stats = await client.GetFromJsonAsync<JsonElement>("/sync/stats");
        stats.GetProperty("entries").GetInt64().ShouldBe(0);
        stats.GetProperty("services").GetArrayLength().ShouldBe(0);
    }

    [Fact]
    public async Task Pages_go_on_where_the_last_one_ended()
    {
        await fixture.Send(0, SyncFixture.Changes(_org, 7));
        await fixture.Entries(_org, 7);
        using var client = fixture.Client(_org, "viewer");
        var first = (await client.GetFromJsonAsync<FeedPage>("/sync/feed?limit=5"))!;
        (first.Items.Count, first.Position, first.Head).ShouldBe((5, 5, 7));
        var second = (await client.GetFromJsonAsync<FeedPage>("/sync/feed?limit=5&after=5"))!;
        second.Items.Select(i => i.Position).ShouldBe([6, 7]);
        var end = (await client.GetFromJsonAsync<FeedPage>("/sync/feed?after=7"))!;
        (end.Items.Count, end.Position).ShouldBe((0, 7));
    }

    [Fact]
    public async Task A_filtered_page_holds_what_fits_and_moves_past_the_rest()
    {
        await fixture.Send(0, SyncFixture.Change(_org, "recipe"), SyncFixture.Change(_org), SyncFixture.Change(_org, "order", "order_created"), SyncFixture.Change(_org));
        await fixture.Entries(_org, 4);
        using var client = fixture.Client(_org, "viewer");
        var page = (await client.GetFromJsonAsync<FeedPage>("/sync/feed?entityType=recipe&entityType=order"))!;
        page.Items.Select(i => i.EntityType).ShouldBe(["recipe", "order"]);
        page.Position.ShouldBe(4);
        page = (await client.GetFromJsonAsync<FeedPage>("/sync/feed?eventType=order_created&entityType=recipe"))!;
        (page.Items.Count, page.Position).ShouldBe((0, 4));
    }

    [Fact]
    public async Task A_long_poll_wakes_with_the_entry_it_waits_for()
    {
        using var client = fixture.Client(_org, "viewer");
        var polling = client.GetFromJsonAsync<FeedPage>("/sync/feed?wait=30&entityType=recipe");
        await fixture.Send(0, SyncFixture.Change(_org));
        await fixture.Entries(_org, 1);
        polling.IsCompleted.ShouldBeFalse();
        var wanted = SyncFixture.Change(_org, "recipe");
        await fixture.Send(0, wanted);
        var page = (await polling.WaitAsync(TimeSpan.FromSeconds(15)))!;
        page.Items.Single().EntityId.ShouldBe(wanted.EntityId);
        page.Position.ShouldBe(2);
    }

    [Fact]
    public async Task A_long_poll_without_an_entry_ends_empty_when_its_time_is_up()
    {
        using var client = fixture.Client(_org, "viewer");
        var page = (await client.GetFromJsonAsync<FeedPage>("/sync/feed?wait=1"))!;
        (page.Items.Count, page.Position).ShouldBe((0, 0));
    }

    [Theory]
    [InlineData("abc")]
    [InlineData("1.5")]
    [InlineData("99999999999999999999999")]
    public async Task A_Last_Event_ID_that_is_no_position_is_refused(string id)
    {
        using var client = fixture.Client(_org, "viewer");
        client.DefaultRequestHeaders.Add("Last-Event-ID", id);
        (await client.GetAsync("/sync/feed?stream=1")).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
    }

    [Theory]
    [InlineData("after=-1", "after must be at least 0.")]
    [InlineData("after=x", "'x' cannot be read.")]
    [InlineData("limit=0", "between 1 and 1000")]
    [InlineData("limit=1001", "between 1 and 1000")]
    [InlineData("wait=31", "between 0 and 30")]
    [InlineData("stream=2", "between 0 and 1")]
    public async Task A_request_out_of_range_is_refused_with_the_range(string query, string range)
    {
        using var client = fixture.Client(_org, "viewer");
        var response = await client.GetAsync($"/sync/feed?{query}");
        response.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        response.Content.Headers.ContentType!.MediaType.ShouldBe("application/problem+json");
        (await response.Content.ReadAsStringAsync()).ShouldContain(range);
    }

    [Fact]
    public async Task A_position_beyond_the_head_is_gone()
    {
        using var client = fixture.Client(_org, "viewer");
        foreach (var after in new[] { 1, long.MaxValue })
        {
            var response = await client.GetAsync($"/sync/feed?after={after}");
            response.StatusCode.ShouldBe(HttpStatusCode.Gone);
            var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
            problem.GetProperty("type").GetString().ShouldBe("https://opsplatform.dev/problems/feed-reset");
            problem.GetProperty("earliest").GetInt64().ShouldBe(1);
        }
    }

    [Fact]
    public async Task The_description_names_the_feeds_answers_and_parameters()
    {
        using var client = fixture.Anonymous();
        var paths = (await client.GetFromJsonAsync<JsonElement>("/sync/openapi.json")).GetProperty("paths");
        var feed = paths.GetProperty("/sync/feed").GetProperty("get");
        feed.GetProperty("responses").GetProperty("200").GetProperty("content").EnumerateObject().Select(c => c.Name).Order()
            .ShouldBe(["application/json", "text/event-stream"]);
        feed.GetProperty("parameters").EnumerateArray().Select(p => p.GetProperty("name").GetString()).Order()
            .ShouldBe(["Last-Event-ID", "after", "entityType", "eventType", "limit", "stream", "ticket", "wait"]);
        IdempotencyDocument.Undeclared(paths).ShouldBeEmpty();
    }
}
