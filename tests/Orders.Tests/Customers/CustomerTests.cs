using System.Net;

namespace OpsPlatform.Orders.Tests.Customers;

[Collection(nameof(OrdersCollection))]
public sealed class CustomerTests(OrdersFixture fixture)
{
    private readonly Shop _shop = fixture.Shop();

    [Fact]
    public async Task The_first_order_makes_the_customer_and_the_next_one_finds_it()
    {
        var lines = Shop.Lines(await _shop.Item());

        var first = await Shop.Created(await _shop.Place(new { customer = new { email = "Ada@Example.org", name = "Ada" }, lines }));
        var second = await Shop.Created(await _shop.Place(new { customer = new { email = "ada@example.org" }, lines }));
        var none = await Shop.Created(await _shop.Place(new { lines }));

        ((Guid)second["customerId"]!).ShouldBe((Guid)first["customerId"]!);
        none["customerId"].ShouldBeNull();
        var customer = await Shop.Body(await _shop.Till.GetAsync($"/customers/{first["customerId"]}"));
        ((string)customer["email"]!, (string)customer["name"]!).ShouldBe(("ada@example.org", "Ada"));
    }

    [Fact]
    public async Task Two_first_orders_at_once_make_one_customer()
    {
        var lines = Shop.Lines(await _shop.Item());
        for (var round = 0; round < 5; round++)
        {
            var customer = new { externalId = $"shop-{round}" };

            var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => _shop.Place(new { customer, lines })));

            var orders = await Task.WhenAll(answers.Select(Shop.Created));
            orders.Select(order => (Guid)order["customerId"]!).Distinct().Count().ShouldBe(1);
        }

        (await _shop.Count("customers")).ShouldBe(5);
    }

    [Fact]
    public async Task Customers_are_paged()
    {
        var lines = Shop.Lines(await _shop.Item());
        for (var n = 0; n < 5; n++)
        {
            await Shop.Created(await _shop.Place(new { customer = new { externalId = $"c{n}" }, lines }));
        }

        var first = await Shop.Body(await _shop.Till.GetAsync("/customers?limit=3"));
        var second = await Shop.Body(await _shop.Till.GetAsync($"/customers?limit=3&cursor={first["nextCursor"]}"));

        first["items"]!.AsArray().Concat(second["items"]!.AsArray()).Select(x => (string)x!["externalId"]!)
            .ShouldBe(["c0", "c1", "c2", "c3", "c4"], ignoreOrder: true);
        second["nextCursor"].ShouldBeNull();
    }

    [Fact]
    public async Task An_unknown_customer_is_not_found() =>
        (await _shop.Till.GetAsync($"/customers/{Guid.NewGuid()}")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
}
