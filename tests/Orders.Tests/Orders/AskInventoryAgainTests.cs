using OpsPlatform.Contracts;
using OpsPlatform.Testing;

namespace OpsPlatform.Orders.Tests.Orders;

/// <summary>Loses patience with Inventory soon.</summary>
public sealed class ImpatientFixture : OrdersFixture
{
    protected override IEnumerable<(string Key, string Value)> Settings => [("Orders:ConfirmationResendAfter", "00:00:00.4")];
}

public sealed class AskInventoryAgainTests(ImpatientFixture fixture) : IClassFixture<ImpatientFixture>
{
    private readonly Shop _shop = fixture.Shop();

    [Fact]
    public async Task An_unanswered_confirmation_is_sent_again_under_the_same_id()
    {
        var asked = await fixture.Broker.Listen<OrderConfirmationRequested>();
        var order = await _shop.ConfirmingOrder();

        var requests = await asked.Next(_shop.Org, 3);

        requests.ShouldAllBe(request => request.Id == requests[0].Id && request.Message.OrderId == order);
        requests[2].Message.Demands.ShouldBe(requests[0].Message.Demands);
        await Eventually.Is(() => _shop.Get(order), body => (int)body["confirmationAttempts"]! >= 3);
        await _shop.Say(new StockConsumed(order, []));
        await _shop.Becomes(order, "confirmed");
    }

    [Fact]
    public async Task An_unanswered_cancellation_is_sent_again_under_the_same_id()
    {
        var withdrawn = await fixture.Broker.Listen<OrderCancelled>();
        var order = await _shop.CancellingOrder();

        var messages = await withdrawn.Next(_shop.Org, 2);

        messages.ShouldAllBe(message => message.Id == messages[0].Id && message.Message.OrderId == order);
        await _shop.Say(new StockRestored(order, []));
        await _shop.Becomes(order, "cancelled");
    }

    [Fact]
    public async Task Every_organisation_is_asked_for()
    {
        var asked = await fixture.Broker.Listen<OrderConfirmationRequested>();
        var other = fixture.Shop();
        await other.ConfirmingOrder();
        await _shop.ConfirmingOrder();

        await asked.Next(other.Org, 2);
        await asked.Next(_shop.Org, 2);
    }
}
