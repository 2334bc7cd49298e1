using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace OpsPlatform.System.Tests;

[Collection(nameof(SystemCollection))]
public sealed class IsolationTests(RunningSystem system)
{
    [Fact]
    public async Task Another_organisations_token_sees_and_changes_nothing()
    {
        using var owner = await system.Register("Owner");
        using var stranger = await system.Register("Stranger");
        var flour = (await owner.Post("/ingredients", Shop.Ingredient("flour", 1000))).GetProperty("id").GetGuid();
        var item = await Shop.MenuItem(owner, "bread", (flour, 100m));
        var recipe = (await owner.Get("/recipes")).GetProperty("items")[0].GetProperty("id").GetGuid();
        var order = (await owner.Post("/orders", new { lines = new[] { new { menuItemId = item, quantity = 1 } }, customer = new { email = "guest@example.org" } })).GetProperty("id").GetGuid();
        var customer = (await owner.Get("/customers")).GetProperty("items")[0].GetProperty("id").GetGuid();

        (HttpMethod Method, string Path, object? Body)[] reaches =
        [
            (HttpMethod.Get, $"/ingredients/{flour}", null),
            (HttpMethod.Delete, $"/ingredients/{flour}", null),
            (HttpMethod.Get, $"/ingredients/{flour}/log", null),
            (HttpMethod.Post, $"/ingredients/{flour}/stock", new { changeType = "decrease", quantity = 1, referenceType = "manual" }),
            (HttpMethod.Get, $"/recipes/{recipe}", null),
            (HttpMethod.Delete, $"/recipes/{recipe}", null),
            (HttpMethod.Get, $"/recipes/{recipe}/availability", null),
            (HttpMethod.Get, $"/menu/{item}", null),
            (HttpMethod.Delete, $"/menu/{item}", null),
            (HttpMethod.Get, $"/orders/{order}", null),
            (HttpMethod.Post, $"/orders/{order}/confirm", null),
            (HttpMethod.Post, $"/orders/{order}/cancel", null),
            (HttpMethod.Post, $"/orders/{order}/complete", null),
            (HttpMethod.Get, $"/customers/{customer}", null),
        ];
        foreach (var (method, path, body) in reaches)
        {
            using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
            (await stranger.Client.SendAsync(request)).StatusCode.ShouldBe(HttpStatusCode.NotFound, $"{method} {path}");
        }

        foreach (var list in (string[])["/ingredients", "/recipes", "/menu", "/orders", "/customers", "/inventory/log", "/inventory/status", "/inventory/totals", "/recipes/availability", "/inventory/errors", "/orders/errors"])
        {
            (await stranger.Get(list)).GetProperty("items").GetArrayLength().ShouldBe(0, list);
        }

        (await stranger.Client.PostAsJsonAsync("/orders", new { lines = new[] { new { menuItemId = item, quantity = 1 } } })).StatusCode.ShouldBe(HttpStatusCode.UnprocessableEntity);
        (await stranger.Client.PostAsJsonAsync("/recipes", new { code = "x", name = "x", yieldQuantity = 1, yieldUnit = "piece", lines = new[] { new { ingredientId = flour, quantity = 1 } } }))
            .StatusCode.ShouldBe(HttpStatusCode.UnprocessableEntity);

        // What the owner made is unchanged, and the stranger's feed holds only the stranger's own organisation and membership.
        (await owner.Get($"/ingredients/{flour}")).GetProperty("stock").GetDecimal().ShouldBe(1000);
        (await owner.Get($"/orders/{order}")).GetProperty("status").GetString().ShouldBe("placed");
        var feed = await Eventually.Is(
            async () => (await stranger.Get("/sync/feed?after=0&limit=200")).GetProperty("items"), items => items.GetArrayLength() >= 2);
        feed.EnumerateArray().ShouldAllBe(frame => frame.GetProperty("data").GetProperty("org_id").GetGuid() == stranger.Id);
    }

    [Fact]
    public async Task A_thing_of_the_same_id_is_two_things_in_two_organisations()
    {
        using var first = await system.Register("First");
        using var second = await system.Register("Second");
        var id = Guid.NewGuid();
        var body = JsonSerializer.SerializeToNode(Shop.Ingredient("same", 5))!.AsObject();
        body["id"] = id;
        (await first.Client.PostAsJsonAsync("/ingredients", body)).StatusCode.ShouldBe(HttpStatusCode.Created);
        body["openingStock"] = 7;
        (await second.Client.PostAsJsonAsync("/ingredients", body)).StatusCode.ShouldBe(HttpStatusCode.Created);
        (await first.Get($"/ingredients/{id}")).GetProperty("stock").GetDecimal().ShouldBe(5);
    }
}
