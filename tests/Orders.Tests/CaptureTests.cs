using System.Text.Json.Nodes;
using Npgsql;
using OpsPlatform.Contracts;

namespace OpsPlatform.Orders.Tests;

[Collection(nameof(OrdersCollection))]
public sealed class CaptureTests(OrdersFixture fixture)
{
    private readonly Shop _shop = fixture.Shop();

    [Fact]
    public async Task Every_change_of_an_order_is_captured_with_its_version_and_without_its_inner_ids()
    {
        var order = await _shop.ConfirmedOrder();
        await _shop.Post(order, "cancel");
        await _shop.Say(new StockRestored(order, []));
        await _shop.Becomes(order, "cancelled");

        var changes = await Captured("order");

        changes.Select(x => (x.Type, x.Version, (string)x.Data["status"]!)).ShouldBe(
        [
            ("order_created", 1, "confirming"),
            ("order_updated", 2, "confirmed"),
            ("order_updated", 3, "cancelling"),
            ("order_updated", 4, "cancelled"),
        ]);
        changes.ShouldAllBe(x => x.EntityId == order.ToString());
        var data = changes[0].Data.AsObject();
        ((long)data["total_minor"]!).ShouldBe(250);
        ((string[])["content_hash", "asked_id"]).ShouldAllBe(hidden => !data.ContainsKey(hidden));
    }

    [Fact]
    public async Task Menu_items_and_customers_are_captured_and_a_known_customer_is_not_changed()
    {
        var item = await _shop.Item();
        for (var n = 0; n < 2; n++)
        {
            await Shop.Created(await _shop.Place(new { customer = new { email = "a@example.org" }, lines = Shop.Lines(item) }));
        }

        await _shop.Till.DeleteAsync($"/menu/{item}");

        (await Captured("menu_item")).Select(x => (x.Type, x.Version)).ShouldBe([("menu_created", 1), ("menu_deleted", 2)]);
        (await Captured("customer")).Select(x => x.Type).ShouldBe(["customer_created"]);
        (await Captured("order_line")).ShouldBeEmpty();
    }

    private sealed record Change(string Type, long Version, string EntityId, JsonNode Data);

    private async Task<List<Change>> Captured(string entity)
    {
        await using var connection = await fixture.OpenAs("app", _shop.Org);
        await using var read = new NpgsqlCommand(
            "SELECT event_type, row_version, entity_id, data::text FROM sync_events WHERE entity_type = $1 ORDER BY seq", connection)
        {
            Parameters = { new() { Value = entity } },
        };
        await using var row = await read.ExecuteReaderAsync();
        List<Change> changes = [];
        while (await row.ReadAsync())
        {
            changes.Add(new(row.GetString(0), row.GetInt64(1), row.GetString(2), JsonNode.Parse(row.GetString(3))!));
        }

        return changes;
    }
}
