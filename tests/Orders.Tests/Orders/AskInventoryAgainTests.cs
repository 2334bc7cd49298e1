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
    public async Task An_unanswered_confirmation_is_asked_for_again_as_a_new_message()
    {
        var asked = await fixture.Broker.Listen<OrderConfirmationRequested>();
        var order = await _shop.ConfirmingOrder();

        var requests = await asked.Next(_shop.Org, 3);

        requests.ShouldAllBe(request => request.Message.OrderId == order);
        requests.Select(request => request.Id).ShouldBeUnique();
        requests[2].Message.Demands.ShouldBe(requests[0].Message.Demands);
        await Eventually.Is(() => _shop.Get(order), body => (int)body["confirmationAttempts"]! >= 3);
        await _shop.Say(new StockConsumed(order, []));
        await _shop.Becomes(order, "confirmed");
    }

    [Fact]
    public async Task An_unanswered_cancellation_is_told_again_as_a_new_message()
    {
        var withdrawn = await fixture.Broker.Listen<OrderCancelled>();
        var order = await _shop.CancellingOrder();

        var messages = await withdrawn.Next(_shop.Org, 2);

        messages.ShouldAllBe(message => message.Message.OrderId == order);
        messages.Select(message => message.Id).ShouldBeUnique();
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

        await AskedMore(other, times: 2);

        ((int)(await _shop.Get(held))["confirmationAttempts"]!).ShouldBe(attempts);
    }

    [Fact]
    public async Task The_patience_doubles_with_every_attempt()
    {
        var asked = await fixture.Broker.Listen<OrderConfirmationRequested>();
        var withdrawn = await fixture.Broker.Listen<OrderCancelled>();
        var cancelling = fixture.Shop();
        await _shop.ConfirmingOrder();
        await cancelling.CancellingOrder();

        foreach (var sent in new[]
        {
            (await asked.Next(_shop.Org, 4)).Select(x => x.SentAt).ToArray(),
            [.. (await withdrawn.Next(cancelling.Org, 4)).Select(x => x.SentAt)],
        })
        {
            // Waits of 0.4, 0.8 and 1.6 s, less what a message may have taken to leave.
            (sent[2] - sent[1]).ShouldBeGreaterThan(TimeSpan.FromSeconds(0.6));
            (sent[3] - sent[2]).ShouldBeGreaterThan(TimeSpan.FromSeconds(1.2));
        }
    }

    [Fact]
    public async Task However_often_it_was_asked_the_next_time_is_within_a_quarter_of_an_hour()
    {
        Guid recent = await AskedOften("14 minutes"), old = await AskedOften("15 minutes");

        await Eventually.Is(() => _shop.Get(old), body => (int)body["confirmationAttempts"]! == 100001);

        ((int)(await _shop.Get(recent))["confirmationAttempts"]!).ShouldBe(100000);
    }

    [Fact]
    public async Task Hundreds_that_have_not_left_yet_do_not_hide_one_that_was_lost()
    {
        var crowd = fixture.Shop();
        await using (var connection = await fixture.OpenAs("app", crowd.Org))
        {
            await using var insert = new NpgsqlCommand(
                """
                WITH held AS (
                    INSERT INTO orders (id, number, status, currency, total_minor, needs_stock, confirmation_attempts, asked_id, asked_at, content_hash, occurred_at, placed_at)
                    SELECT gen_random_uuid(), n, 'confirming', 'GBP', 1, true, 1, gen_random_uuid(), now() - interval '1 hour', '', now(), now()
                    FROM generate_series(1, 501) AS n
                    RETURNING org_id, id, asked_id)
                INSERT INTO outbox (id, org_id, message_type, body, correlation_id, status)
                SELECT asked_id, org_id, 'OrderConfirmationRequested', '{}', id, 'failed' FROM held
                """, connection);
            await insert.ExecuteNonQueryAsync();
        }

        var asked = await fixture.Broker.Listen<OrderConfirmationRequested>();
        await _shop.ConfirmingOrder();

        await asked.Next(_shop.Org, 2);
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

    /// <summary>An order that is there as asked so often already: changing one the worker may be looking at would race with it.</summary>
    private async Task<Guid> AskedOften(string ago)
    {
        var order = Guid.NewGuid();
        await using var connection = await fixture.OpenAs("app", _shop.Org);
        await using var insert = new NpgsqlCommand(
            $"""
            INSERT INTO orders (id, number, status, currency, total_minor, needs_stock, confirmation_attempts, asked_id, asked_at, content_hash, occurred_at, placed_at)
            VALUES ($1, 1, 'confirming', 'GBP', 1, true, 100000, gen_random_uuid(), now() - interval '{ago}', '', now(), now())
            """, connection)
        { Parameters = { new() { Value = order } } };
        await insert.ExecuteNonQueryAsync();
        return order;
    }

    /// <summary>Puts the order's request back into the outbox as one the relay gave up on.</summary>
    private async Task<bool> KeepsInOutbox(Guid order)
    {
        await using var connection = await fixture.OpenAs("app", _shop.Org);
        await using var insert = new NpgsqlCommand(
            """
            INSERT INTO outbox (id, org_id, message_type, body, correlation_id, status)
            SELECT asked_id, org_id, 'OrderConfirmationRequested', '{}', id, 'failed' FROM orders WHERE id = $1
            ON CONFLICT DO NOTHING
            """, connection)
        { Parameters = { new() { Value = order } } };
        return await insert.ExecuteNonQueryAsync() == 1;
    }
}
