using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Npgsql;
using OpsPlatform.Contracts;

namespace OpsPlatform.Inventory.Tests;

public sealed class CaptureTests(InventoryFixture fixture)
{
    private readonly Tenant _tenant = fixture.NewTenant();

    [Fact]
    public async Task A_stock_change_is_captured_with_the_columns_that_changed_and_who_did_it()
    {
        var user = Guid.NewGuid();
        var flour = await _tenant.HasIngredient("flour", 10);
        await fixture.Client(_tenant.Org, "staff", user).PostAsJsonAsync($"/ingredients/{flour}/stock", new { changeType = "decrease", quantity = 4 });
        var change = (await Captured(flour))[^1];
        change.EventType.ShouldBe("inventory_updated");
        change.Changed.ShouldBe(["row_version", "stock", "updated_at"], ignoreOrder: true);
        change.RowVersion.ShouldBe(2);
        ((decimal)change.Data["stock"]!).ShouldBe(6);
        ((string)change.Metadata["actor"]!).ShouldBe(user.ToString());
    }

    [Fact]
    public async Task Orders_taken_together_change_an_ingredient_once()
    {
        var consumed = await fixture.Broker.Listen<StockConsumed>();
        var flour = await _tenant.HasIngredient("flour", 10);
        await fixture.Broker.Publish(_tenant.Org, [.. Enumerable.Range(0, 5).Select(_ => new OrderConfirmationRequested(Guid.NewGuid(), [new("resale", flour, 1)]))]);
        await consumed.Next(_tenant.Org, 5);
        (await Captured(flour)).Select(x => (decimal)x.Data["stock"]!).ShouldBe([10m, 5m]);
    }

    [Fact]
    public async Task A_change_of_a_recipes_lines_alone_is_captured_with_the_lines()
    {
        var flour = await _tenant.HasIngredient("flour", 10);
        var bread = await _tenant.HasRecipe("bread", 1, Tenant.Of(flour, 1));
        var body = Tenant.Recipe("bread", 1, Tenant.Of(flour, 2));
        body.Remove("id");
        await _tenant.Client.PutAsJsonAsync($"/recipes/{bread}", body);
        await _tenant.Client.PutAsJsonAsync($"/recipes/{bread}", body);
        var changes = await Captured(bread);
        changes.Select(x => x.EventType).ShouldBe(["recipe_created", "recipe_updated"]);
        changes[1].Changed.ShouldBe(["lines", "row_version", "updated_at"], ignoreOrder: true);
        ((Guid)changes[1].Data["lines"]![0]!["ingredient_id"]!, (decimal)changes[1].Data["lines"]![0]!["quantity"]!).ShouldBe((flour, 2m));
    }

    private sealed record Change(string EventType, long RowVersion, JsonNode Data, string[] Changed, JsonNode Metadata);

    private async Task<IReadOnlyList<Change>> Captured(Guid entity)
    {
        await using var app = await fixture.OpenAs("app", _tenant.Org);
        await using var command = new NpgsqlCommand(
            "SELECT event_type, row_version, data, changed, metadata FROM sync_events WHERE entity_id = $1 ORDER BY seq", app)
        { Parameters = { new() { Value = entity.ToString() } } };
        await using var row = await command.ExecuteReaderAsync();
        List<Change> changes = [];
        while (await row.ReadAsync())
        {
            changes.Add(new(
                row.GetString(0), row.GetInt64(1), JsonNode.Parse(row.GetString(2))!,
                [.. JsonNode.Parse(row.GetString(3))!.AsArray().Select(x => (string)x!)], JsonNode.Parse(row.GetString(4))!));
        }

        return changes;
    }
}
