using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using OpsPlatform.Contracts;
using OpsPlatform.Orders.Story;
using OpsPlatform.ServiceDefaults.Hops;
using OpsPlatform.Testing;

namespace OpsPlatform.Orders.Tests.Story;

/// <summary>Orders with an Inventory that answers for its steps and a Sync that never does.</summary>
public sealed class StoryFixture : OrdersFixture, IAsyncLifetime
{
    private WebApplication? _inventory;

    /// <summary>What Inventory was asked last: the query and the token.</summary>
    public (string Query, string Token) Asked { get; private set; }

    protected override IEnumerable<(string Key, string Value)> Settings =>
        [("services:inventory:http:0", _inventory!.Urls.First()), ("services:sync:http:0", "http://127.0.0.1:1")];

    async ValueTask IAsyncLifetime.InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _inventory = builder.Build();
        _inventory.MapGet("/inventory/hops", (HttpContext http, Guid[] correlationId) =>
        {
            Asked = (http.Request.QueryString.Value!, http.Request.Headers.Authorization.ToString());
            return TypedResults.Json(new
            {
                items = new[] { new { service = "inventory", what = "heard", name = "OrderConfirmationRequested", at = DateTimeOffset.UtcNow, correlationId = correlationId[^1] } },
                nextCursor = (string?)null,
            });
        });
        await _inventory.StartAsync();
        await InitializeAsync();
    }

    async ValueTask IAsyncDisposable.DisposeAsync()
    {
        await DisposeAsync();
        await _inventory!.DisposeAsync();
    }
}

public sealed class OrderStoryTests(StoryFixture fixture) : IClassFixture<StoryFixture>
{
    private readonly Shop _shop = fixture.Shop();

    [Fact]
    public async Task A_story_tells_each_request_with_its_steps_and_names_who_did_not_answer()
    {
        var order = await _shop.Order(await _shop.Item());
        (await _shop.Post(order, "confirm")).StatusCode.ShouldBe(HttpStatusCode.Accepted);
        await _shop.Say(new StockConsumed(order, []));
        await _shop.Becomes(order, "confirmed");

        var story = await Eventually.Is(() => Story(order), told => Steps(told, 1).Contains("sent OrderConfirmationRequested"));

        story["missing"]!.AsArray().Select(service => (string)service!).ShouldBe(["sync"]);
        var requests = story["requests"]!.AsArray();
        requests.Count.ShouldBe(2);
        Steps(story, 0)[..3].ShouldBe(["received http", "captured order_created", "written OrderPlaced"]);
        Steps(story, 1)[..3].ShouldBe(["received http", "captured order_updated", "written OrderConfirmationRequested"]);
        Steps(story, 1).ShouldContain("heard OrderConfirmationRequested");
        var confirm = requests[1]!;
        var steps = confirm["steps"]!.AsArray();
        steps.Sum(step => (double)step!["durationMs"]!).ShouldBe((double)confirm["durationMs"]!, 0.01);
        steps.ShouldAllBe(step => (double)step!["sinceRequestMs"]! >= 0 && (double)step["durationMs"]! >= 0);
        ((string)confirm["traceId"]!).Length.ShouldBe(32);
        fixture.Asked.Query.ShouldContain((string)confirm["correlationId"]!);
        fixture.Asked.Query.ShouldContain($"entityId={order}");
        fixture.Asked.Token.ShouldBe(_shop.Till.DefaultRequestHeaders.Authorization!.ToString());
    }

    [Fact]
    public async Task Another_organisations_order_has_no_story_and_its_requests_no_hops()
    {
        var order = await _shop.Order(await _shop.Item());
        var correlation = (string)(await Story(order))["requests"]![0]!["correlationId"]!;
        var stranger = fixture.Shop();

        await Shop.Refused(await stranger.Till.GetAsync($"/orders/{order}/story"), 404, "not-found");
        (await Shop.Body(await stranger.Till.GetAsync($"/orders/hops?correlationId={correlation}&entityId={order}")))["items"]!.AsArray().ShouldBeEmpty();
        (await Shop.Body(await _shop.As("viewer").GetAsync($"/orders/hops?correlationId={correlation}")))["items"]!.AsArray().ShouldNotBeEmpty();
        (await _shop.As("viewer").GetAsync($"/orders/{order}/story")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Theory]
    [InlineData("/orders/hops")]
    [InlineData("/orders/hops?correlationId=rubbish")]
    public async Task Hops_need_a_correlation_id(string path) => await Shop.Refused(await _shop.Till.GetAsync(path), 400, "invalid");

    [Fact]
    public void A_step_made_for_a_group_goes_to_the_last_request_before_it_and_repeats_are_told_once()
    {
        var (place, confirm, other, change) = (Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid());
        var start = DateTimeOffset.UnixEpoch;
        Hop Step(string what, double ms, Guid correlation, Guid? id = null) => new("orders", what, what, start.AddMilliseconds(ms), correlation, id);
        Hop decided = Step("captured", 30, other, change);

        var story = OrderStory.Of(
            Guid.NewGuid(), [place, confirm], [decided, Step("received", 10, confirm), Step("received", 0, place), decided, Step("sent", 15.5, confirm), Step("captured", 0, place)], []);

        story.Requests.Select(request => request.CorrelationId).ShouldBe([place, confirm]);
        story.Requests[0].Steps.Select(step => step.What).ShouldBe(["received", "captured"]);
        story.Requests[1].Steps.Select(step => (step.What, step.DurationMs, step.SinceRequestMs)).ShouldBe([("received", 0, 0), ("sent", 5.5, 5.5), ("captured", 14.5, 20)]);
        story.Requests[1].DurationMs.ShouldBe(20);
    }

    private async Task<JsonNode> Story(Guid order) => await Shop.Body(await _shop.Till.GetAsync($"/orders/{order}/story"));

    private static string[] Steps(JsonNode story, int request) =>
        [.. story["requests"]!.AsArray()[request]!["steps"]!.AsArray().Select(step => $"{step!["what"]} {step["name"]}")];
}
