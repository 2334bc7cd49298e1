using System.Net;
using System.Net.Http.Json;
using OpsPlatform.Contracts;

namespace OpsPlatform.Orders.Tests.Orders;

[Collection(nameof(OrdersCollection))]
public sealed class ExportOrdersTests(OrdersFixture fixture)
{
    private readonly Shop _shop = fixture.Shop();

    private static async Task<List<ExportedOrder>> All(HttpClient client, int limit)
    {
        List<ExportedOrder> all = [];
        for (string? after = null; ;)
        {
            var page = (await client.GetFromJsonAsync<OrderExportPage>($"/orders/export?limit={limit}{(after is null ? "" : $"&after={after}")}"))!;
            all.AddRange(page.Items);
            if ((after = page.NextCursor) is null)
            {
                return all;
            }
        }
    }

    [Fact]
    public async Task The_export_holds_every_decided_order_with_its_lines_page_by_page()
    {
        var confirmed = await _shop.ConfirmedOrder();
        var rejected = await _shop.ConfirmingOrder();
        await _shop.Say(new StockRefused(rejected, [new("out_of_stock")]));
        await _shop.Becomes(rejected, "rejected");
        var cancelling = await _shop.CancellingOrder();
        var completed = await _shop.ConfirmedOrder();
        (await _shop.Post(completed, "complete")).EnsureSuccessStatusCode();
        var placed = await _shop.Order(await _shop.Item());
        await _shop.ConfirmingOrder();

        using var analytics = fixture.ServiceClient("analytics", _shop.Org);
        var all = await All(analytics, 1);
        all.Select(x => (x.Order.OrderId, x.State)).ShouldBe([(confirmed, "confirmed"), (rejected, "rejected"), (cancelling, "cancelled"), (completed, "confirmed")]);
        all.ShouldAllBe(x => x.Order.Lines!.Single().TotalMinor == 250 && x.Order.TotalMinor == 250 && x.Order.Lines!.Single().TaxClass == "standard");
        (await analytics.GetFromJsonAsync<OrderExportPage>("/orders/export"))!.Total.ShouldBe(4);
        all.ShouldNotContain(x => x.Order.OrderId == placed);
    }

    [Fact]
    public async Task The_export_is_for_services_and_admins_of_the_organisation_only()
    {
        await _shop.ConfirmedOrder();
        (await _shop.As("staff").GetAsync("/orders/export")).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        (await All(_shop.As("admin"), 10)).Count.ShouldBe(1);
        (await All(fixture.ServiceClient("analytics", Guid.NewGuid()), 10)).ShouldBeEmpty();
        (await All(fixture.ServiceClient("analytics"), 10)).ShouldBeEmpty();
        (await _shop.Till.GetAsync("/orders/export?limit=0")).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await _shop.Till.GetAsync("/orders/export?after=x")).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task A_confirmation_tells_what_was_sold_under_which_category_and_to_whom()
    {
        var heard = await fixture.Broker.Listen<OrderConfirmed>();
        var answer = await Shop.Created(await _shop.Till.PostAsJsonAsync("/menu", new
        {
            code = "cut",
            name = "A cut",
            kind = "service",
            priceMinor = 900,
            currency = "GBP",
            taxClass = "reduced",
            category = " hair ",
        }));
        ((string?)answer["category"]).ShouldBe("hair");
        var item = (Guid)answer["id"]!;
        var order = await Shop.Body(await _shop.Place(new { confirm = true, customer = new { email = "a@example.org" }, lines = new[] { new { menuItemId = item, quantity = 2 } } }));

        var sale = (await heard.Next(_shop.Org)).Message;
        sale.CustomerId.ShouldBe((Guid)order["customerId"]!);
        sale.Lines!.ShouldBe([new(item, "A cut", "hair", 2, 900, 1800, "reduced")]);

        var recipe = await _shop.ConfirmedOrder();
        (await heard.Next(_shop.Org, x => x.OrderId == recipe)).Message.Lines!.Single().ShouldSatisfyAllConditions(
            x => x.Category.ShouldBeNull(), x => x.Name.ShouldBe("A recipe"), x => x.TotalMinor.ShouldBe(250));
    }

    [Fact]
    public async Task Every_cancellation_is_told_with_the_time_of_its_sale()
    {
        var withdrawn = await fixture.Broker.Listen<OrderCancelled>();
        var service = await _shop.Order(await _shop.Item("service"));
        await _shop.Post(service, "confirm");
        foreach (var order in (Guid[])[await _shop.Order(await _shop.Item()), service, await _shop.ConfirmedOrder()])
        {
            await _shop.Post(order, "cancel");
            var told = await withdrawn.Next(_shop.Org, x => x.OrderId == order);
            told.Message.OccurredAt.ShouldBe((DateTimeOffset)(await _shop.Get(order))["occurredAt"]!);
        }
    }

    [Fact]
    public async Task A_category_can_be_changed_and_is_at_most_64_characters()
    {
        var item = await _shop.Item("service", code: "wash");
        object Body(string? category) => new { code = "wash", name = "A wash", kind = "service", priceMinor = 1, currency = "GBP", taxClass = "none", category };
        ((string?)(await Shop.Body(await _shop.Till.PutAsJsonAsync($"/menu/{item}", Body("care"))))["category"]).ShouldBe("care");
        (await Shop.Body(await _shop.Till.PutAsJsonAsync($"/menu/{item}", Body("  "))))["category"].ShouldBeNull();
        await Shop.Refused(await _shop.Till.PutAsJsonAsync($"/menu/{item}", Body(new string('x', 65))), 400, "invalid");
    }
}
