using Npgsql;
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
    public async Task A_request_that_has_not_left_yet_is_not_sent_again()
    {
        Guid held = await _shop.ConfirmingOrder(), other = await _shop.ConfirmingOrder();
        await Eventually.Is(() => KeepsInOutbox(held));
        await AskedMore(other, times: 1);
        var attempts = (int)(await _shop.Get(held))["confirmationAttempts"]!;

        await AskedMore(other, times: 3);

        ((int)(await _shop.Get(held))["confirmationAttempts"]!).ShouldBe(attempts);
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

    private async Task AskedMore(Guid order, int times)
    {
        var before = (int)(await _shop.Get(order))["confirmationAttempts"]!;
        await Eventually.Is(() => _shop.Get(order), body => (int)body["confirmationAttempts"]! >= before + times);
    }

    /// <summary>Puts the order's request back into the outbox as one the relay gave up on.</summary>
    private async Task<bool> KeepsInOutbox(Guid order)
    {
        await using var connection = await fixture.OpenAs("app", _shop.Org);
        await using var insert = new NpgsqlCommand(
            """
            INSERT INTO outbox (id, org_id, message_type, body, correlation_id, status)
            SELECT confirmation_id, org_id, 'OrderConfirmationRequested', '{}', id, 'failed' FROM orders WHERE id = $1
            ON CONFLICT DO NOTHING
            """, connection)
        { Parameters = { new() { Value = order } } };
        return await insert.ExecuteNonQueryAsync() == 1;
    }
}
