using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using OpsPlatform.Contracts;

namespace OpsPlatform.Inventory.Tests;

public sealed class ExportTests(InventoryFixture fixture)
{
    private static readonly DateTimeOffset Sold = DateTimeOffset.Parse("2026-06-10T10:00:00Z");
    private readonly Tenant _tenant = fixture.NewTenant();

    [Fact]
    public async Task The_export_holds_what_orders_consumed_at_the_cost_of_then_page_by_page()
    {
        var consumed = await fixture.Broker.Listen<StockConsumed>();
        var restored = await fixture.Broker.Listen<StockRestored>();
        var flour = await _tenant.HasIngredient("flour", 100);
        Guid[] orders = [.. Enumerable.Range(0, 5).Select(_ => Guid.NewGuid())];
        foreach (var order in orders)
        {
            await fixture.Broker.Publish(_tenant.Org, new OrderConfirmationRequested(order, [new("resale", flour, 3)], Sold));
        }

        var heard = await consumed.Next(_tenant.Org, 5);
        heard.ShouldAllBe(x => x.Message.OccurredAt == Sold && x.Message.Items.Single().UnitCostMinor == 0.25m);
        // A refused and a never asked order consume nothing, and a dearer flour changes nothing about what was consumed.
        await fixture.Broker.Publish(_tenant.Org, new OrderConfirmationRequested(Guid.NewGuid(), [new("resale", flour, 1000)], Sold));
        await fixture.Broker.Publish(_tenant.Org, new OrderCancelled(Guid.NewGuid()));
        await fixture.Broker.Publish(_tenant.Org, new OrderCancelled(orders[0]));
        var back = (await restored.Next(_tenant.Org, x => x.OrderId == orders[0])).Message;
        (back.OccurredAt, back.Items.Single().UnitCostMinor).ShouldBe((Sold, 0.25m));
        var dearer = Tenant.Ingredient("flour");
        dearer.Remove("openingStock");
        dearer.Remove("id");
        dearer["unitCostMinor"] = 9;
        (await _tenant.Client.PutAsJsonAsync($"/ingredients/{flour}", dearer)).EnsureSuccessStatusCode();

        using var analytics = fixture.ServiceClient("analytics", _tenant.Org);
        List<ExportedConsumption> all = [];
        var pages = 0;
        for (string? after = null; pages == 0 || after is not null; pages++)
        {
            var page = (await analytics.GetFromJsonAsync<ConsumptionExportPage>($"/inventory/export/consumption?limit=2{(after is null ? "" : $"&after={after}")}"))!;
            page.Total.ShouldBe(after is null ? 5L : null);
            all.AddRange(page.Items);
            after = page.NextCursor;
        }

        pages.ShouldBe(3);
        all.Select(x => x.Consumed.OrderId).ShouldBe(orders, ignoreOrder: true);
        all.Where(x => x.IsRestored).Select(x => x.Consumed.OrderId).ShouldBe([orders[0]]);
        all.ShouldAllBe(x => x.Consumed.OccurredAt == Sold && x.Consumed.Items.Single() == new IngredientQuantity(flour, 3, 0.25m, "g", "Name of flour"));
    }

    [Fact]
    public async Task The_export_is_for_services_and_admins_of_the_organisation_only()
    {
        var consumed = await fixture.Broker.Listen<StockConsumed>();
        var flour = await _tenant.HasIngredient("flour", 100);
        await fixture.Broker.Publish(_tenant.Org, new OrderConfirmationRequested(Guid.NewGuid(), [new("resale", flour, 3)]));
        await consumed.Next(_tenant.Org);

        (await _tenant.As("staff").GetAsync("/inventory/export/consumption")).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        (await Items(_tenant.As("admin"))).Count.ShouldBe(1);
        (await Items(fixture.ServiceClient("analytics", Guid.NewGuid()))).ShouldBeEmpty();
        (await Items(fixture.ServiceClient("analytics"))).ShouldBeEmpty();
        (await _tenant.Client.GetAsync("/inventory/export/consumption?limit=1001")).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await _tenant.Client.GetAsync("/inventory/export/consumption?after=x")).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
    }

    private static async Task<JsonArray> Items(HttpClient client) =>
        (await client.GetFromJsonAsync<JsonNode>("/inventory/export/consumption"))!["items"]!.AsArray();
}
