using System.Net;
using OpsPlatform.Contracts;

namespace OpsPlatform.Orders.Tests.Orders;

[Collection(nameof(OrdersCollection))]
public sealed class PlaceOrderTests(OrdersFixture fixture)
{
    private readonly Shop _shop = fixture.Shop();

    [Fact]
    public async Task An_order_is_priced_from_the_menu()
    {
        var coffee = await _shop.Item(priceMinor: 260);
        var bread = await _shop.Item(priceMinor: 350);

        var order = await Shop.Created(await _shop.Place(new
        {
            lines = new[] { new { menuItemId = coffee, quantity = 2 }, new { menuItemId = bread, quantity = 3 } },
            note = "no sugar",
        }));

        ((string)order["status"]!).ShouldBe("placed");
        ((long)order["totalMinor"]!).ShouldBe((2 * 260) + (3 * 350));
        ((string)order["currency"]!).ShouldBe("GBP");
        ((string)order["note"]!).ShouldBe("no sugar");
        order["lines"]!.AsArray().Select(line => (long)line!["totalMinor"]!).ShouldBe([520, 1050]);
        (await _shop.Get((Guid)order["id"]!)).ToJsonString().ShouldBe(order.ToJsonString());
    }

    [Fact]
    public async Task Placing_says_OrderPlaced()
    {
        var placed = await fixture.Broker.Listen<OrderPlaced>();

        var order = await _shop.Order(await _shop.Item(priceMinor: 999));

        var said = await placed.Next(_shop.Org);
        said.Message.OrderId.ShouldBe(order);
        said.Message.TotalMinor.ShouldBe(999);
        said.Message.Number.ShouldBe((long)(await _shop.Get(order))["number"]!);
    }

    [Fact]
    public async Task Orders_are_numbered_per_organisation_and_each_number_is_given_once()
    {
        var coffee = await _shop.Item();
        var numbers = await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ => (long)(await _shop.Get(await _shop.Order(coffee)))["number"]!));
        numbers.Order().ShouldBe(Enumerable.Range(1, 20).Select(i => (long)i));

        var neighbour = fixture.Shop();
        ((long)(await neighbour.Get(await neighbour.Order(await neighbour.Item())))["number"]!).ShouldBe(1);
    }

    [Fact]
    public async Task A_repeat_and_a_refusal_take_no_number()
    {
        var id = Guid.NewGuid();
        var pounds = await _shop.Item();
        var euros = await _shop.Item(currency: "EUR");
        await Shop.Created(await _shop.Place(new { id, lines = Shop.Lines(pounds) }));
        (await _shop.Place(new { id, lines = Shop.Lines(pounds) })).StatusCode.ShouldBe(HttpStatusCode.OK);
        await Shop.Refused(await _shop.Place(new { id, lines = Shop.Lines(euros) }), 409, "id-taken");
        await Shop.Refused(await _shop.Place(new { lines = Shop.Lines(pounds, Guid.NewGuid()) }), 422, "unknown-menu-item");
        await Shop.Refused(await _shop.Place(new { lines = Shop.Lines(pounds, euros) }), 422, "mixed-currencies");

        ((long)(await _shop.Get(await _shop.Order(pounds, pounds)))["number"]!).ShouldBe(2);
    }

    [Fact]
    public async Task The_same_item_twice_is_added()
    {
        var coffee = await _shop.Item(priceMinor: 100);

        var order = await _shop.Get(await _shop.Order(coffee, coffee));

        var line = order["lines"]!.AsArray().ShouldHaveSingleItem();
        ((int)line!["quantity"]!).ShouldBe(2);
        ((long)order["totalMinor"]!).ShouldBe(200);
    }

    [Fact]
    public async Task Confirming_at_once_asks_Inventory_for_every_line_but_services()
    {
        var asked = await fixture.Broker.Listen<OrderConfirmationRequested>();
        Guid bread = Guid.NewGuid(), soda = Guid.NewGuid();
        var slice = await _shop.Item(piecesPerSale: 0.4m, targetId: bread);
        var can = await _shop.Item("resale", targetId: soda);
        var workshop = await _shop.Item("service");

        var answer = await _shop.Place(new
        {
            confirm = true,
            lines = new[] { new { menuItemId = slice, quantity = 3 }, new { menuItemId = can, quantity = 2 }, new { menuItemId = workshop, quantity = 1 } },
        });

        answer.StatusCode.ShouldBe(HttpStatusCode.Accepted);
        var order = await Shop.Body(answer);
        ((string)order["status"]!).ShouldBe("confirming");
        ((int)order["confirmationAttempts"]!).ShouldBe(1);
        var request = await asked.Next(_shop.Org);
        request.Message.OrderId.ShouldBe((Guid)order["id"]!);
        request.Message.Demands.ShouldBe([new("recipe", bread, 1.2m), new("resale", soda, 2m)]);
    }

    [Fact]
    public async Task An_order_of_services_only_is_confirmed_at_once()
    {
        var confirmed = await fixture.Broker.Listen<OrderConfirmed>();

        var answer = await _shop.Place(new { confirm = true, lines = Shop.Lines(await _shop.Item("service")) });

        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        var order = await Shop.Body(answer);
        ((string)order["status"]!).ShouldBe("confirmed");
        order["confirmedAt"].ShouldNotBeNull();
        (await confirmed.Next(_shop.Org)).Message.OrderId.ShouldBe((Guid)order["id"]!);
    }

    [Fact]
    public async Task A_price_sent_by_a_client_is_refused_and_nothing_stored()
    {
        var coffee = await _shop.Item();

        await Shop.Refused(await _shop.Place(new { lines = new[] { new { menuItemId = coffee, quantity = 1, priceMinor = 1 } } }), 400, "invalid-body");
        await Shop.Refused(await _shop.Place(new { totalMinor = 1, lines = Shop.Lines(coffee) }), 400, "invalid-body");

        (await _shop.Count("orders")).ShouldBe(0);
    }

    [Fact]
    public async Task Something_not_on_the_menu_is_refused_with_its_customer()
    {
        var unknown = Guid.NewGuid();

        var problem = await Shop.Refused(
            await _shop.Place(new { customer = new { email = "a@example.org" }, lines = Shop.Lines(await _shop.Item(), unknown) }), 422, "unknown-menu-item");

        problem["menuItemIds"]!.AsArray().Select(id => (Guid)id!).ShouldBe([unknown]);
        (await _shop.Count("orders")).ShouldBe(0);
        (await _shop.Count("customers")).ShouldBe(0);
        (await _shop.Count("outbox")).ShouldBe(0);
    }

    [Fact]
    public async Task A_total_beyond_a_bigint_is_refused()
    {
        var dear = await _shop.Item(priceMinor: long.MaxValue);
        await Shop.Created(await _shop.Place(new { lines = Shop.Lines(dear) }));

        await Shop.Refused(await _shop.Place(new { lines = new[] { new { menuItemId = dear, quantity = 2 } } }), 422, "order-too-large");

        (await _shop.Count("orders")).ShouldBe(1);
    }

    [Fact]
    public async Task Two_currencies_in_one_order_are_refused() =>
        await Shop.Refused(
            await _shop.Place(new { lines = Shop.Lines(await _shop.Item(currency: "GBP"), await _shop.Item(currency: "EUR")) }), 422, "mixed-currencies");

    [Fact]
    public async Task The_same_request_again_under_its_id_is_the_same_order()
    {
        var request = new { id = Guid.NewGuid(), confirm = true, occurredAt = "2024-05-01T10:00:00+02:00", lines = Shop.Lines(await _shop.Item()) };

        var first = await _shop.Place(request);
        var again = await _shop.Place(request);

        first.StatusCode.ShouldBe(HttpStatusCode.Accepted);
        again.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await Shop.Body(again)).ToJsonString().ShouldBe((await Shop.Body(first)).ToJsonString());
        (await _shop.Count("orders")).ShouldBe(1);
    }

    [Fact]
    public async Task Other_content_under_a_used_id_is_refused()
    {
        var id = Guid.NewGuid();
        var lines = Shop.Lines(await _shop.Item());
        await Shop.Created(await _shop.Place(new { id, lines }));

        await Shop.Refused(await _shop.Place(new { id, lines, note = "other" }), 409, "id-taken");
        await Shop.Refused(await _shop.Place(new { id, lines, confirm = true }), 409, "id-taken");

        (await _shop.Status(id)).ShouldBe("placed");
    }

    [Fact]
    public async Task The_same_id_at_once_makes_one_order_and_replays()
    {
        var placed = await fixture.Broker.Listen<OrderPlaced>();
        var item = await _shop.Item();
        for (var round = 0; round < 5; round++)
        {
            var request = new { id = Guid.NewGuid(), customer = new { email = $"r{round}@example.org" }, lines = Shop.Lines(item) };

            var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => _shop.Place(request)));

            answers.Count(answer => answer.StatusCode == HttpStatusCode.Created).ShouldBe(1);
            answers.Count(answer => answer.StatusCode == HttpStatusCode.OK).ShouldBe(5);
            (await placed.Next(_shop.Org)).Message.OrderId.ShouldBe(request.id);
        }

        (await _shop.Count("orders")).ShouldBe(5);
    }

    [Fact]
    public async Task Two_contents_at_once_under_one_id_store_one_of_them_whole()
    {
        var item = await _shop.Item();
        var id = Guid.NewGuid();

        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(n =>
            _shop.Place(new { id, customer = new { externalId = $"person-{n}" }, lines = Shop.Lines(item) })));

        answers.Count(answer => answer.StatusCode == HttpStatusCode.Created).ShouldBe(1);
        foreach (var refused in answers.Where(answer => answer.StatusCode != HttpStatusCode.Created))
        {
            await Shop.Refused(refused, 409, "id-taken");
        }

        (await _shop.Count("customers")).ShouldBe(1);
        (await _shop.Count("order_lines")).ShouldBe(1);
    }

    [Theory]
    [InlineData("1999-12-31T23:59:59Z", 400)]
    [InlineData("2000-01-01T00:00:00Z", 201)]
    [InlineData("2199-01-01T00:00:00Z", 400)]
    [InlineData("yesterday", 400)]
    public async Task When_it_occurred_must_be_believable(string occurredAt, int status)
    {
        var answer = await _shop.Place(new { occurredAt, lines = Shop.Lines(await _shop.Item()) });

        ((int)answer.StatusCode).ShouldBe(status);
        (await _shop.Count("orders")).ShouldBe(status == 201 ? 1 : 0);
    }

    [Fact]
    public async Task A_till_that_was_offline_tells_when_and_we_tell_when_it_came()
    {
        var order = await Shop.Created(await _shop.Place(new { occurredAt = "2024-05-01T10:00:00+02:00", lines = Shop.Lines(await _shop.Item()) }));

        ((DateTimeOffset)order["occurredAt"]!).ShouldBe(new DateTimeOffset(2024, 5, 1, 8, 0, 0, TimeSpan.Zero));
        ((DateTimeOffset)order["placedAt"]!).ShouldBe(DateTimeOffset.UtcNow, TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task A_viewer_cannot_order()
    {
        var body = System.Net.Http.Json.JsonContent.Create(new { lines = Shop.Lines(await _shop.Item()) });

        await Shop.Refused(await _shop.As("viewer").PostAsync("/orders", body), 403, "forbidden");
    }
}
