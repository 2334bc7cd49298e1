using System.Net.Http.Json;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;

namespace OpsPlatform.Inventory.Tests;

public sealed class DecisionTests(InventoryFixture fixture)
{
    private readonly Tenant _tenant = fixture.NewTenant();

    private Task Ask(Guid order, params StockDemand[] demands) => fixture.Broker.Publish(_tenant.Org, new OrderConfirmationRequested(order, demands));

    private Task Cancel(Guid order) => fixture.Broker.Publish(_tenant.Org, new OrderCancelled(order));

    private static StockDemand Pieces(Guid recipe, decimal quantity) => new("recipe", recipe, quantity);

    [Fact]
    public async Task An_order_consumes_its_recipes_and_resale_goods()
    {
        var consumed = await fixture.Broker.Listen<StockConsumed>();
        var flour = await _tenant.HasIngredient("flour", 1000);
        var water = await _tenant.HasIngredient("water", 10, x => x["kind"] = "resale");
        var bread = await _tenant.HasRecipe("bread", 4, Tenant.Of(flour, 500));
        var sandwich = await _tenant.HasRecipe("sandwich", 1, Tenant.OfRecipe(bread, 0.5m), Tenant.Of(flour, 1));
        var request = TestBroker.Envelope(_tenant.Org, new OrderConfirmationRequested(
            Guid.NewGuid(), [Pieces(bread, 2), Pieces(sandwich, 1), new("resale", water, 3)]));
        await fixture.Broker.Send(request);
        var answer = await consumed.Next(_tenant.Org);
        answer.Message.OrderId.ShouldBe(request.Message.OrderId);
        answer.Message.Items.OrderBy(x => x.Quantity).ShouldBe([new(water, 3, 0.25m, "g", "Name of water"), new(flour, 313.5m, 0.25m, "g", "Name of flour")]);
        answer.CausationId.ShouldBe(request.Id);
        answer.CorrelationId.ShouldBe(request.CorrelationId);
        (await _tenant.StockOf(flour)).ShouldBe(686.5m);
        var entry = (await _tenant.Log($"&referenceId={request.Message.OrderId}&ingredientId={flour}")).Single();
        ((string)entry["changeType"]!, (string)entry["referenceType"]!, (decimal)entry["quantityBefore"]!, (decimal)entry["quantityAfter"]!, (decimal)entry["quantityChanged"]!)
            .ShouldBe(("consumption", "order", 1000m, 686.5m, -313.5m));
    }

    [Fact]
    public async Task An_order_that_lacks_anything_consumes_nothing_and_hears_all_it_lacks()
    {
        var refused = await fixture.Broker.Listen<StockRefused>();
        var flour = await _tenant.HasIngredient("flour", 9);
        var butter = await _tenant.HasIngredient("butter", 0);
        var salt = await _tenant.HasIngredient("salt", 100);
        var bread = await _tenant.HasRecipe("bread", 1, Tenant.Of(flour, 10), Tenant.Of(butter, 1.5m), Tenant.Of(salt, 1));
        await Ask(Guid.NewGuid(), Pieces(bread, 1));
        (await refused.Next(_tenant.Org)).Message.Reasons.ShouldBe(
        [
            new("out_of_stock", butter, "Name of butter", 1.5m, 0, 1.5m),
            new("out_of_stock", flour, "Name of flour", 10, 9, 1),
        ]);
        (await _tenant.StockOf(salt)).ShouldBe(100);
        (await _tenant.Log("&changeType=consumption")).ShouldBeEmpty();
    }

    [Fact]
    public async Task What_does_not_exist_is_refused_and_never_parked()
    {
        var refused = await fixture.Broker.Listen<StockRefused>();
        var foreign = await fixture.NewTenant().HasIngredient("flour", 9);
        var flour = await _tenant.HasIngredient("flour", 9);
        await Ask(Guid.NewGuid(), Pieces(Guid.NewGuid(), 1), new("resale", flour, 1));
        (await refused.Next(_tenant.Org)).Message.Reasons.ShouldBe([new("unknown_recipe")]);
        await Ask(Guid.NewGuid(), new StockDemand("resale", foreign, 1));
        (await refused.Next(_tenant.Org)).Message.Reasons.ShouldBe([new("unknown_ingredient", foreign)]);
        await Ask(Guid.NewGuid(), new StockDemand("resale", flour, -1));
        (await refused.Next(_tenant.Org)).Message.Reasons.Single().Code.ShouldBe("invalid_quantity");
        (await _tenant.StockOf(flour)).ShouldBe(9);
    }

    [Fact]
    public async Task A_request_delivered_twice_consumes_once_and_one_sent_anew_hears_the_same_answer()
    {
        var consumed = await fixture.Broker.Listen<StockConsumed>();
        var flour = await _tenant.HasIngredient("flour", 10);
        var order = Guid.NewGuid();
        var request = TestBroker.Envelope(_tenant.Org, new OrderConfirmationRequested(order, [new("resale", flour, 3)]));
        await fixture.Broker.Send(request);
        await fixture.Broker.Send(request);
        await fixture.Broker.Send(TestBroker.Envelope(_tenant.Org, request.Message), TestBroker.Envelope(_tenant.Org, request.Message));
        var last = Guid.NewGuid();
        await Ask(last, new StockDemand("resale", flour, 1));
        var answers = await consumed.Next(_tenant.Org, 4);
        answers.Select(x => x.Message.OrderId).ShouldBe([order, order, order, last], ignoreOrder: true);
        answers.Where(x => x.Message.OrderId == order).ShouldAllBe(x => x.Message.Items.Single().IngredientId == flour && x.Message.Items.Single().Quantity == 3);
        (await _tenant.StockOf(flour)).ShouldBe(6);
    }

    [Fact]
    public async Task A_refusal_stands_even_when_stock_has_come_since()
    {
        var refused = await fixture.Broker.Listen<StockRefused>();
        var flour = await _tenant.HasIngredient("flour", 1);
        var order = Guid.NewGuid();
        await Ask(order, new StockDemand("resale", flour, 2));
        var first = await refused.Next(_tenant.Org);
        await fixture.Broker.Publish(_tenant.Org, new OrderCancelled(Guid.NewGuid()));
        await Move(flour, 10);
        await Ask(order, new StockDemand("resale", flour, 2));
        (await refused.Next(_tenant.Org)).Message.Reasons.ShouldBe(first.Message.Reasons);
        (await _tenant.StockOf(flour)).ShouldBe(11);
    }

    [Fact]
    public async Task A_cancel_after_consumption_gives_back_exactly_once_and_always_answers()
    {
        var consumed = await fixture.Broker.Listen<StockConsumed>();
        var restored = await fixture.Broker.Listen<StockRestored>();
        var refused = await fixture.Broker.Listen<StockRefused>();
        var flour = await _tenant.HasIngredient("flour", 10);
        var bread = await _tenant.HasRecipe("bread", 3, Tenant.Of(flour, 10));
        var order = Guid.NewGuid();
        await Ask(order, Pieces(bread, 1));
        var taken = (await consumed.Next(_tenant.Org)).Message.Items;
        taken.Single().Quantity.ShouldBe(3.333333m);
        var cancel = TestBroker.Envelope(_tenant.Org, new OrderCancelled(order));
        var again = TestBroker.Envelope(_tenant.Org, cancel.Message);
        await fixture.Broker.Send(cancel, again);
        await fixture.Broker.Send(cancel);
        var answers = await restored.Next(_tenant.Org, 2);
        answers.Select(x => x.CausationId).ShouldBe([cancel.Id, again.Id], ignoreOrder: true);
        answers.ShouldAllBe(x => x.Message.Items.SequenceEqual(taken));

        (await _tenant.StockOf(flour)).ShouldBe(10);
        var entry = (await _tenant.Log($"&referenceId={order}"))[0];
        ((string)entry["changeType"]!, (string)entry["referenceType"]!, (string)entry["reason"]!).ShouldBe(("increase", "order", "order cancelled"));
        ((decimal)(await _tenant.Get("/inventory/totals"))["items"]![0]!["restored"]!).ShouldBe(3.333333m);
        await _tenant.LogAddsUp();
        await Ask(order, Pieces(bread, 1));
        (await refused.Next(_tenant.Org)).Message.Reasons.ShouldBe([new("cancelled")]);
        (await _tenant.StockOf(flour)).ShouldBe(10);
    }

    [Fact]
    public async Task A_cancel_that_comes_first_leaves_nothing_to_consume()
    {
        var restored = await fixture.Broker.Listen<StockRestored>();
        var refused = await fixture.Broker.Listen<StockRefused>();
        var flour = await _tenant.HasIngredient("flour", 10);
        var order = Guid.NewGuid();
        await Cancel(order);
        (await restored.Next(_tenant.Org)).Message.ShouldSatisfyAllConditions(x => x.OrderId.ShouldBe(order), x => x.Items.ShouldBeEmpty());
        await Ask(order, new StockDemand("resale", flour, 1));
        (await refused.Next(_tenant.Org)).Message.Reasons.ShouldBe([new("cancelled")]);
        (await _tenant.StockOf(flour)).ShouldBe(10);
    }

    [Fact]
    public async Task A_cancel_gives_back_what_was_consumed_though_the_recipe_changed_and_an_ingredient_went()
    {
        var consumed = await fixture.Broker.Listen<StockConsumed>();
        var restored = await fixture.Broker.Listen<StockRestored>();
        var flour = await _tenant.HasIngredient("flour", 10);
        var salt = await _tenant.HasIngredient("salt", 10);
        var bread = await _tenant.HasRecipe("bread", 1, Tenant.Of(flour, 4), Tenant.Of(salt, 1));
        var order = Guid.NewGuid();
        await Ask(order, Pieces(bread, 1));
        await consumed.Next(_tenant.Org);
        (await _tenant.Client.DeleteAsync($"/recipes/{bread}")).EnsureSuccessStatusCode();
        (await _tenant.Client.DeleteAsync($"/ingredients/{salt}")).EnsureSuccessStatusCode();
        await Cancel(order);
        await restored.Next(_tenant.Org);
        (await _tenant.StockOf(flour)).ShouldBe(10);
    }

    [Theory]
    [InlineData(1, 1, 0.333333)]
    [InlineData(2, 1, 0.666667)]
    [InlineData(1, 3, 1)]
    [InlineData(7, 2, 4.666667)]
    public async Task Thirds_are_summed_exactly_and_rounded_once_per_order(int pieces, int lines, decimal expected)
    {
        var consumed = await fixture.Broker.Listen<StockConsumed>();
        var salt = await _tenant.HasIngredient("salt", 100);
        var bread = await _tenant.HasRecipe("bread", 3, Tenant.Of(salt, 1));
        await Ask(Guid.NewGuid(), [.. Enumerable.Repeat(Pieces(bread, pieces), lines)]);
        (await consumed.Next(_tenant.Org)).Message.Items.Single().Quantity.ShouldBe(expected);
        (await _tenant.StockOf(salt)).ShouldBe(100 - expected);
    }

    [Fact]
    public async Task Half_a_millionth_is_rounded_away_from_zero_and_less_consumes_nothing()
    {
        var consumed = await fixture.Broker.Listen<StockConsumed>();
        var salt = await _tenant.HasIngredient("salt", 1);
        var half = await _tenant.HasRecipe("half", 2, Tenant.Of(salt, 0.000001m));
        var third = await _tenant.HasRecipe("third", 3, Tenant.Of(salt, 0.000001m));
        await Ask(Guid.NewGuid(), Pieces(half, 1));
        (await consumed.Next(_tenant.Org)).Message.Items.Single().Quantity.ShouldBe(0.000001m);
        await Ask(Guid.NewGuid(), Pieces(third, 1));
        (await consumed.Next(_tenant.Org)).Message.Items.ShouldBeEmpty();
        (await _tenant.StockOf(salt)).ShouldBe(0.999999m);
    }

    [Fact]
    public async Task Consumption_that_crosses_the_reorder_point_tells_stock_low_once()
    {
        var low = await fixture.Broker.Listen<StockLow>();
        var flour = await _tenant.HasIngredient("flour", 10, x => x["reorderPoint"] = 5);
        await fixture.Broker.Publish(_tenant.Org, [.. Enumerable.Range(0, 7).Select(_ => new OrderConfirmationRequested(Guid.NewGuid(), [new("resale", flour, 1)]))]);
        (await low.Next(_tenant.Org)).Message.Stock.ShouldBe(3);
        var marker = await _tenant.HasIngredient("marker", 2, x => x["reorderPoint"] = 1);
        await Ask(Guid.NewGuid(), new StockDemand("resale", marker, 1), new StockDemand("resale", flour, 1));
        (await low.Next(_tenant.Org)).Message.IngredientId.ShouldBe(marker);
    }

    private async Task Move(Guid ingredient, decimal quantity) =>
        (await _tenant.Client.PostAsJsonAsync($"/ingredients/{ingredient}/stock", new { changeType = "increase", quantity })).EnsureSuccessStatusCode();
}
