using System.Net;
using Microsoft.Extensions.DependencyInjection;
using OpsPlatform.Contracts;
using OpsPlatform.Orders.Orders;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.Testing;

namespace OpsPlatform.Orders.Tests.Orders;

[Collection(nameof(OrdersCollection))]
public sealed class ConfirmOrderTests(OrdersFixture fixture)
{
    private readonly Shop _shop = fixture.Shop();

    [Fact]
    public async Task A_placed_order_is_confirmed_when_its_stock_is_consumed()
    {
        var asked = await fixture.Broker.Listen<OrderConfirmationRequested>();
        var confirmed = await fixture.Broker.Listen<OrderConfirmed>();
        var order = await _shop.Order(await _shop.Item(priceMinor: 120));

        (await _shop.Post(order, "confirm")).StatusCode.ShouldBe(HttpStatusCode.Accepted);
        var request = await asked.Next(_shop.Org);
        await _shop.Say(new StockConsumed(order, []));

        var body = await _shop.Becomes(order, "confirmed");
        body["confirmedAt"].ShouldNotBeNull();
        var said = await confirmed.Next(_shop.Org);
        (said.Message.OrderId, said.Message.TotalMinor).ShouldBe((order, 120));
        request.Message.OrderId.ShouldBe(order);
    }

    [Fact]
    public async Task A_refused_order_is_rejected_with_the_reasons()
    {
        var rejected = await fixture.Broker.Listen<OrderRejected>();
        var order = await _shop.ConfirmingOrder();
        var reason = new RejectionReason("out_of_stock", Guid.NewGuid(), "Flour", 2.5m, 1.25m, 1.25m);

        await _shop.Say(new StockRefused(order, [reason]));

        var body = await _shop.Becomes(order, "rejected");
        var shown = body["reasons"]!.AsArray().ShouldHaveSingleItem()!;
        ((string)shown["code"]!, (Guid)shown["ingredientId"]!, (decimal)shown["shortage"]!).ShouldBe(("out_of_stock", reason.IngredientId!.Value, 1.25m));
        (await rejected.Next(_shop.Org)).Message.Reasons.ShouldBe([reason]);
    }

    [Fact]
    public async Task A_caller_that_waits_is_answered_as_soon_as_the_decision_is_there()
    {
        var order = await _shop.Order(await _shop.Item());
        var asked = await fixture.Broker.Listen<OrderConfirmationRequested>();

        var waiting = _shop.Post(order, "confirm", waitSeconds: 20);
        await asked.Next(_shop.Org);
        await _shop.Say(new StockConsumed(order, []));

        var answer = await waiting;
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        answer.Headers.GetValues("Preference-Applied").ShouldBe(["wait=20"]);
        ((string)(await Shop.Body(answer))["status"]!).ShouldBe("confirmed");
    }

    [Fact]
    public async Task A_caller_that_waits_learns_what_is_missing()
    {
        var asked = await fixture.Broker.Listen<OrderConfirmationRequested>();
        var flour = Guid.NewGuid();

        var waiting = _shop.Place(new { confirm = true, lines = Shop.Lines(await _shop.Item()) }, waitSeconds: 60);
        var order = (await asked.Next(_shop.Org)).Message.OrderId;
        await _shop.Say(new StockRefused(order, [new("out_of_stock", flour, "Flour", 3, 1, 2)]));

        var answer = await waiting;
        var problem = await Shop.Refused(answer, 409, "order-rejected");
        answer.Headers.GetValues("Preference-Applied").ShouldBe(["wait=30"]);
        var missing = problem["missing"]!.AsArray().ShouldHaveSingleItem()!;
        ((Guid)missing["ingredientId"]!, (decimal)missing["required"]!, (decimal)missing["available"]!).ShouldBe((flour, 3m, 1m));
        ((string)problem["order"]!["status"]!).ShouldBe("rejected");
    }

    [Theory]
    [InlineData("wait")]
    [InlineData("wait=soon")]
    [InlineData("wait=-1")]
    [InlineData("wait=1.5")]
    [InlineData("respond-async, wait=99999999999999999999")]
    public async Task A_wait_that_is_no_number_of_seconds_is_refused_before_anything_is_asked(string prefer)
    {
        var order = await _shop.Order(await _shop.Item());
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/orders/{order}/confirm");
        request.Headers.TryAddWithoutValidation("Prefer", prefer);

        await Shop.Refused(await _shop.Till.SendAsync(request), 400, "invalid");
        ((string)(await Shop.Body(await _shop.Till.GetAsync($"/orders/{order}")))["status"]!).ShouldBe("placed");
    }

    [Fact]
    public async Task A_caller_whose_time_runs_out_is_told_that_it_is_still_confirming()
    {
        var answer = await _shop.Post(await _shop.Order(await _shop.Item()), "confirm", waitSeconds: 1);

        answer.StatusCode.ShouldBe(HttpStatusCode.Accepted);
        answer.Headers.GetValues("Preference-Applied").ShouldBe(["wait=1"]);
        ((string)(await Shop.Body(answer))["status"]!).ShouldBe("confirming");
    }

    [Fact]
    public async Task More_callers_wait_than_there_are_connections()
    {
        const int Callers = 40;
        var asked = await fixture.Broker.Listen<OrderConfirmationRequested>();
        var item = await _shop.Item();

        var waiting = Enumerable.Range(0, Callers)
            .Select(_ => _shop.Place(new { confirm = true, lines = Shop.Lines(item) }, waitSeconds: 20)).ToArray();
        var requests = await asked.Next(_shop.Org, Callers);
        await _shop.Say([.. requests.Select(request => new StockConsumed(request.Message.OrderId, []))]);

        (await Task.WhenAll(waiting)).ShouldAllBe(answer => answer.StatusCode == HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_decision_that_another_replica_consumed_is_found_too()
    {
        var order = await _shop.Order(await _shop.Item());
        var asked = await fixture.Broker.Listen<OrderConfirmationRequested>();

        var waiting = _shop.Post(order, "confirm", waitSeconds: 20);
        await asked.Next(_shop.Org);
        await using var connection = await fixture.OpenAs("app", _shop.Org);
        await using var decide = new Npgsql.NpgsqlCommand("UPDATE orders SET status = 'confirmed', confirmed_at = now() WHERE id = $1", connection)
        {
            Parameters = { new() { Value = order } },
        };
        await decide.ExecuteNonQueryAsync();

        (await waiting.WaitAsync(TimeSpan.FromSeconds(10))).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_decision_consumed_here_wakes_who_waits_once_it_is_committed()
    {
        var decisions = fixture.Services.GetRequiredService<DecisionWait>();
        Guid confirmed = await _shop.ConfirmingOrder(), rejected = await _shop.ConfirmingOrder();
        using var first = decisions.Start(_shop.Org, confirmed);
        using var second = decisions.Start(_shop.Org, rejected);

        await _shop.Say(new StockConsumed(confirmed, []));
        await _shop.Say(new StockRefused(rejected, []));

        var told = (await first.Woken.Task.WaitAsync(TimeSpan.FromSeconds(20)))!;
        (told.Attempts, told.RowVersion).ShouldBe((1, 2));
        (await _shop.Status(confirmed)).ShouldBe("confirmed");
        (await second.Woken.Task.WaitAsync(TimeSpan.FromSeconds(20))).ShouldBeNull();
        (await _shop.Status(rejected)).ShouldBe("rejected");
    }

    [Fact]
    public async Task What_another_replica_decided_wakes_who_waits_here()
    {
        await using var replica = await fixture.StartReplica();
        await Eventually.Is(
            () => Task.FromResult((fixture.Services.GetRequiredService<Replicas>().Count, replica.Services.GetRequiredService<Replicas>().Count)),
            counts => counts == (2, 2));
        var order = Guid.NewGuid();
        using var waiting = fixture.Services.GetRequiredService<DecisionWait>().Start(_shop.Org, order);

        replica.Services.GetRequiredService<DecisionWait>().Decided(_shop.Org, order, null);

        await waiting.Woken.Task.WaitAsync(TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task Confirming_twice_at_once_asks_once()
    {
        var asked = await fixture.Broker.Listen<OrderConfirmationRequested>();
        var order = await _shop.Order(await _shop.Item());

        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => _shop.Post(order, "confirm")));

        answers.ShouldAllBe(answer => answer.StatusCode == HttpStatusCode.Accepted);
        (await asked.Next(_shop.Org)).Message.OrderId.ShouldBe(order);
        var after = await _shop.ConfirmingOrder();
        (await asked.Next(_shop.Org)).Message.OrderId.ShouldBe(after);
    }

    [Fact]
    public async Task Confirming_a_confirmed_order_again_is_the_same_answer()
    {
        var order = await _shop.ConfirmedOrder();

        (await _shop.Post(order, "confirm")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task An_order_that_ended_cannot_be_confirmed()
    {
        var cancelled = await _shop.Order(await _shop.Item());
        await _shop.Post(cancelled, "cancel");
        var rejected = await _shop.ConfirmingOrder();
        await _shop.Say(new StockRefused(rejected, [new("unknown_recipe")]));
        await _shop.Becomes(rejected, "rejected");

        await Shop.Refused(await _shop.Post(cancelled, "confirm"), 409, "order-state");
        await Shop.Refused(await _shop.Post(rejected, "confirm", waitSeconds: 1), 409, "order-state");
        await Shop.Refused(await _shop.Post(Guid.NewGuid(), "confirm"), 404, "not-found");
    }

    [Fact]
    public async Task A_placed_order_of_services_is_confirmed_at_once()
    {
        var order = await _shop.Order(await _shop.Item("service"));

        (await _shop.Post(order, "confirm")).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await _shop.Status(order)).ShouldBe("confirmed");
    }

    [Fact]
    public async Task A_decision_delivered_twice_confirms_once()
    {
        var confirmed = await fixture.Broker.Listen<OrderConfirmed>();
        var order = await _shop.ConfirmingOrder();

        await _shop.Say(new StockConsumed(order, []), new StockConsumed(order, []));
        await _shop.Say(new StockConsumed(order, []));
        await _shop.Becomes(order, "confirmed");
        var version = (long)(await _shop.Get(order))["rowVersion"]!;
        await _shop.AllHeard(about => new StockConsumed(about, []));

        (await confirmed.Next(_shop.Org)).Message.OrderId.ShouldBe(order);
        (await confirmed.Next(_shop.Org)).Message.OrderId.ShouldNotBe(order);
        ((long)(await _shop.Get(order))["rowVersion"]!).ShouldBe(version);
    }

    [Fact]
    public async Task One_group_decides_many_orders()
    {
        var orders = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => _shop.ConfirmingOrder()));

        await _shop.Say([.. orders.Take(5).Select(order => new StockConsumed(order, []))]);
        await _shop.Say([.. orders.Skip(5).Select(order => new StockRefused(order, [new("out_of_stock")]))]);

        foreach (var (order, index) in orders.Select((order, index) => (order, index)))
        {
            await _shop.Becomes(order, index < 5 ? "confirmed" : "rejected");
        }
    }
}
