using System.Net;
using OpsPlatform.Contracts;

namespace OpsPlatform.Orders.Tests.Orders;

[Collection(nameof(OrdersCollection))]
public sealed class CompleteOrderTests(OrdersFixture fixture)
{
    private readonly Shop _shop = fixture.Shop();

    [Fact]
    public async Task A_confirmed_order_is_completed_and_twice_is_the_same()
    {
        var completed = await fixture.Broker.Listen<OrderCompleted>();
        var order = await _shop.ConfirmedOrder();

        (await _shop.Post(order, "complete")).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await _shop.Post(order, "complete")).StatusCode.ShouldBe(HttpStatusCode.OK);

        var body = await _shop.Get(order);
        ((string)body["status"]!).ShouldBe("completed");
        (await completed.Next(_shop.Org)).Message.CompletedAt.ShouldBe((DateTimeOffset)body["completedAt"]!, TimeSpan.FromMilliseconds(1));
    }

    [Fact]
    public async Task Completing_twice_at_once_says_so_once()
    {
        var completed = await fixture.Broker.Listen<OrderCompleted>();
        Guid first = await _shop.ConfirmedOrder(), after = await _shop.ConfirmedOrder();

        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => _shop.Post(first, "complete")));
        await _shop.Post(after, "complete");

        answers.ShouldAllBe(answer => answer.StatusCode == HttpStatusCode.OK);
        (await completed.Next(_shop.Org)).Message.OrderId.ShouldBe(first);
        (await completed.Next(_shop.Org)).Message.OrderId.ShouldBe(after);
    }

    [Fact]
    public async Task Only_a_confirmed_order_can_be_completed()
    {
        var placed = await _shop.Order(await _shop.Item());

        await Shop.Refused(await _shop.Post(placed, "complete"), 409, "order-state");
        await Shop.Refused(await _shop.Post(await _shop.ConfirmingOrder(), "complete"), 409, "order-state");
        await Shop.Refused(await _shop.Post(await _shop.CancellingOrder(), "complete"), 409, "order-state");
        await Shop.Refused(await _shop.Post(Guid.NewGuid(), "complete"), 404, "not-found");
    }

    [Fact]
    public async Task Completing_and_cancelling_at_once_does_exactly_one_of_them()
    {
        for (var round = 0; round < 10; round++)
        {
            var order = await _shop.ConfirmedOrder();

            var answers = await Task.WhenAll(_shop.Post(order, "complete"), _shop.Post(order, "cancel"));

            answers.Count(answer => answer.StatusCode == HttpStatusCode.Conflict).ShouldBe(1);
            (await _shop.Status(order)).ShouldBe(answers[0].StatusCode == HttpStatusCode.OK ? "completed" : "cancelling");
        }
    }
}
