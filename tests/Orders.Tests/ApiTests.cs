using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using OpsPlatform.Testing;

namespace OpsPlatform.Orders.Tests;

[Collection(nameof(OrdersCollection))]
public sealed class ApiTests(OrdersFixture fixture)
{
    [Fact]
    public async Task The_service_describes_every_endpoint()
    {
        var document = await Shop.Body(await fixture.Anonymous().GetAsync("/orders/openapi.json"));

        string[] served = ["/menu", "/menu/{id}", "/orders", "/orders/summary", "/orders/{id}", "/orders/{id}/confirm", "/orders/{id}/cancel", "/orders/{id}/complete", "/orders/{id}/story", "/orders/hops", "/customers", "/customers/{id}"];
        served.ShouldBeSubsetOf(document["paths"]!.AsObject().Select(path => path.Key.TrimEnd('/')));
    }

    [Fact]
    public async Task Every_POST_takes_an_idempotency_key_or_says_why_not() =>
        IdempotencyDocument.Undeclared((await fixture.Anonymous().GetFromJsonAsync<JsonElement>("/orders/openapi.json")).GetProperty("paths")).ShouldBeEmpty();

    [Fact]
    public async Task Nobody_is_served_without_a_token() =>
        (await fixture.Anonymous().GetAsync("/orders")).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
}
