using System.Net.Http.Json;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;

namespace OpsPlatform.Inventory.Tests;

public sealed class ParallelDecisionTests(InventoryFixture fixture)
{
    private const int Possible = 60;
    private readonly Tenant _tenant = fixture.NewTenant();

    [Fact]
    public async Task Four_times_more_orders_than_possible_on_two_replicas_consume_exactly_what_is_possible()
    {
        await using var replica = new Replica(fixture);
        await replica.InitializeAsync();
        var consumed = await fixture.Broker.Listen<StockConsumed>();
        var refused = await fixture.Broker.Listen<StockRefused>();
        var (flour, butter, croissant, bun) = await Bakery();
        OrderConfirmationRequested[] requests =
        [
            .. Enumerable.Range(0, 4 * Possible).Select(n => new OrderConfirmationRequested(
                Guid.NewGuid(), n % 2 == 0 ? [new("recipe", croissant, 1)] : [new("recipe", bun, 1), new("resale", butter, 2)])),
        ];
        await Task.WhenAll(requests.Chunk(7).Select(group => fixture.Broker.Publish(_tenant.Org, group)));
        var yes = await consumed.Next(_tenant.Org, Possible);
        var no = await refused.Next(_tenant.Org, 3 * Possible);
        yes.Select(x => x.Message.OrderId).Concat(no.Select(x => x.Message.OrderId)).ShouldBe(requests.Select(x => x.OrderId), ignoreOrder: true);
        (await _tenant.StockOf(flour)).ShouldBe(0);
        (await _tenant.StockOf(butter)).ShouldBe(7);
        (await _tenant.Log("&changeType=consumption")).Count.ShouldBe(2 * Possible);
        await _tenant.LogAddsUp();
    }

    [Fact]
    public async Task Requests_cancels_deliveries_and_recipe_edits_at_once_on_two_replicas_lose_nothing()
    {
        await using var replica = new Replica(fixture);
        await replica.InitializeAsync();
        var restored = await fixture.Broker.Listen<StockRestored>();
        var (flour, butter, croissant, bun) = await Bakery();
        Guid[] orders = [.. Enumerable.Range(0, 120).Select(_ => Guid.NewGuid())];
        var requests = orders.Chunk(6).Select(group => fixture.Broker.Publish(
            _tenant.Org, [.. group.Select(order => new OrderConfirmationRequested(order, [new("recipe", bun, 1), new("recipe", croissant, 1)]))]));
        var cancels = orders.Reverse().Chunk(9).Select(group => fixture.Broker.Publish(_tenant.Org, [.. group.Select(order => new OrderCancelled(order))]));
        var deliveries = Enumerable.Range(0, 20).Select(n =>
            _tenant.Client.PostAsJsonAsync($"/ingredients/{(n % 2 == 0 ? flour : butter)}/stock", new { changeType = "increase", quantity = 1 }));
        var edits = Enumerable.Range(0, 10).Select(n =>
        {
            var body = Tenant.Recipe("bun", 3, Tenant.Of(butter, 6), Tenant.Of(flour, n % 2 == 0 ? 30 : 33));
            body.Remove("id");
            return _tenant.Client.PutAsJsonAsync($"/recipes/{bun}", body);
        });
        var answers = Task.WhenAll(deliveries.Concat(edits).ToArray());
        await Task.WhenAll([.. requests, .. cancels]);
        (await answers).ShouldAllBe(x => x.IsSuccessStatusCode);
        (await restored.Next(_tenant.Org, orders.Length)).Select(x => x.Message.OrderId).ShouldBe(orders, ignoreOrder: true);
        // Every order is cancelled in the end, before or after its request: all stock is back, and the deliveries besides.
        await Eventually.Is(async () => (await _tenant.StockOf(flour), await _tenant.StockOf(butter)), x => x == ((Possible * 10) + 10, (Possible * 2) + 7 + 10));
        await _tenant.LogAddsUp();
        (await Parked(fixture)).ShouldBe(0);
    }

    private static async Task<long> Parked(InventoryFixture fixture)
    {
        await using var connection = await fixture.OpenAs("relay");
        await using var command = new Npgsql.NpgsqlCommand("SELECT count(*) FROM parked_messages", connection);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    private async Task<(Guid Flour, Guid Butter, Guid Croissant, Guid Bun)> Bakery()
    {
        var flour = await _tenant.HasIngredient("flour", Possible * 10);
        var butter = await _tenant.HasIngredient("butter", (Possible * 2) + 7);
        var dough = await _tenant.HasRecipe("dough", 6, Tenant.Of(flour, 60));
        var croissant = await _tenant.HasRecipe("croissant", 1, Tenant.OfRecipe(dough, 1), Tenant.Of(butter, 2));
        var bun = await _tenant.HasRecipe("bun", 3, Tenant.Of(flour, 30));
        return (flour, butter, croissant, bun);
    }
}
