using System.Net;
using OpsPlatform.Contracts;

namespace OpsPlatform.Orders.Tests.Orders;

[Collection(nameof(OrdersCollection))]
public sealed class CancelOrderTests(OrdersFixture fixture)
{
    private readonly Shop _shop = fixture.Shop();

    [Fact]
    public async Task A_placed_order_is_cancelled_at_once_and_twice_is_the_same()
    {
        var order = await _shop.Order(await _shop.Item());

        (await _shop.Post(order, "cancel")).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await _shop.Post(order, "cancel")).StatusCode.ShouldBe(HttpStatusCode.OK);

        (await _shop.Get(order))["cancelledAt"].ShouldNotBeNull();
    }

    [Fact]
    public async Task A_confirmed_order_is_cancelling_until_its_stock_is_back()
    {
        var withdrawn = await fixture.Broker.Listen<OrderCancelled>();
        var order = await _shop.ConfirmedOrder();

        (await _shop.Post(order, "cancel")).StatusCode.ShouldBe(HttpStatusCode.Accepted);
        (await _shop.Post(order, "cancel")).StatusCode.ShouldBe(HttpStatusCode.Accepted);
        (await withdrawn.Next(_shop.Org)).Message.OrderId.ShouldBe(order);
        await _shop.Say(new StockRestored(order, []));

        await _shop.Becomes(order, "cancelled");
        (await _shop.Post(order, "cancel")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Cancelling_twice_at_once_says_so_once()
    {
        var withdrawn = await fixture.Broker.Listen<OrderCancelled>();
        var order = await _shop.ConfirmedOrder();

        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => _shop.Post(order, "cancel")));
        var after = await _shop.CancellingOrder();

        answers.ShouldAllBe(answer => answer.StatusCode == HttpStatusCode.Accepted);
        (await withdrawn.Next(_shop.Org)).Message.OrderId.ShouldBe(order);
        (await withdrawn.Next(_shop.Org)).Message.OrderId.ShouldBe(after);
    }

    [Fact]
    public async Task A_confirmed_order_of_services_is_cancelled_at_once()
    {
        var order = await _shop.Order(await _shop.Item("service"));
        await _shop.Post(order, "confirm");

        (await _shop.Post(order, "cancel")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Theory]
    [InlineData("consumed restored")]
    [InlineData("restored consumed")]
    [InlineData("refused restored")]
    [InlineData("restored refused")]
    [InlineData("consumed consumed restored restored")]
    [InlineData("refused refused restored restored")]
    public async Task Answers_to_a_cancelling_order_end_in_cancelled_in_any_order(string answers)
    {
        var confirmed = await fixture.Broker.Listen<OrderConfirmed>();
        var order = await _shop.CancellingOrder();

        var isRestored = false;
        foreach (var answer in answers.Split(' '))
        {
            await Say(order, answer);
            await Applied(answer);
            isRestored |= answer == "restored";
            (await _shop.Status(order)).ShouldBe(isRestored ? "cancelled" : "cancelling");
        }

        (await _shop.Count("parked_messages")).ShouldBe(0);
        var last = await _shop.ConfirmedOrder();
        (await confirmed.Next(_shop.Org, said => said.OrderId == order || said.OrderId == last)).Message.OrderId.ShouldBe(last);
    }

    [Fact]
    public async Task A_confirmation_and_a_cancellation_at_once_never_lose_the_cancellation()
    {
        for (var round = 0; round < 10; round++)
        {
            var order = await _shop.ConfirmingOrder();

            await Task.WhenAll(_shop.Say(new StockConsumed(order, [])), _shop.Post(order, "cancel"));
            await _shop.AllHeard(about => new StockConsumed(about, []));

            (await _shop.Status(order)).ShouldBe("cancelling");
        }

        (await _shop.Count("parked_messages")).ShouldBe(0);
    }

    [Fact]
    public async Task A_restoration_nobody_asked_for_changes_nothing()
    {
        var confirmed = await _shop.ConfirmedOrder();
        var confirming = await _shop.ConfirmingOrder();

        await _shop.Say(new StockRestored(confirmed, []), new StockRestored(confirming, []), new StockRestored(Guid.NewGuid(), []));
        await _shop.AllHeard(about => new StockRestored(about, []));

        (await _shop.Status(confirmed)).ShouldBe("confirmed");
        (await _shop.Status(confirming)).ShouldBe("confirming");
        (await _shop.Count("parked_messages")).ShouldBe(0);
    }

    [Fact]
    public async Task An_order_that_was_completed_or_rejected_cannot_be_cancelled()
    {
        var completed = await _shop.ConfirmedOrder();
        await _shop.Post(completed, "complete");
        var rejected = await _shop.ConfirmingOrder();
        await _shop.Say(new StockRefused(rejected, []));
        await _shop.Becomes(rejected, "rejected");

        await Shop.Refused(await _shop.Post(completed, "cancel"), 409, "order-state");
        await Shop.Refused(await _shop.Post(rejected, "cancel"), 409, "order-state");
        await Shop.Refused(await _shop.Post(Guid.NewGuid(), "cancel"), 404, "not-found");
    }

    private Task Say(Guid order, string answer) => answer switch
    {
        "consumed" => _shop.Say(new StockConsumed(order, [])),
        "refused" => _shop.Say(new StockRefused(order, [new("cancelled")])),
        _ => _shop.Say(new StockRestored(order, [])),
    };

    private Task Applied(string answer) => answer switch
    {
        "consumed" => _shop.AllHeard(about => new StockConsumed(about, [])),
        "refused" => _shop.AllHeard(about => new StockRefused(about, [])),
        _ => _shop.AllHeard(about => new StockRestored(about, [])),
    };
}
