using System.Net;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;

namespace OpsPlatform.Orders.Tests.Orders;

/// <summary>An organisation's orders that come while earlier ones are being stored share a transaction, and nothing else.</summary>
[Collection(nameof(OrdersCollection))]
public sealed class PlaceTogetherTests
{
    private readonly OrdersFixture _fixture;
    private readonly Shop _shop;
    private readonly Desk _desk;

    public PlaceTogetherTests(OrdersFixture fixture)
    {
        _fixture = fixture;
        _shop = fixture.Shop();
        _desk = new(fixture, _shop);
    }

    [Fact]
    public async Task Orders_that_come_meanwhile_are_stored_in_one_transaction_each_on_behalf_of_its_own_caller()
    {
        var placed = await _fixture.Broker.Listen<OrderPlaced>();
        var item = await _shop.Item();
        Guid[] correlations = [.. Enumerable.Range(0, 5).Select(_ => Guid.NewGuid())];
        var answers = await _desk.Meanwhile(item, [.. correlations.Select(correlation => Desk.Order(new { lines = Shop.Lines(item), customer = new { email = $"{correlation}@example.org" } }, correlation: correlation))]);

        answers.ShouldAllBe(answer => answer.StatusCode == HttpStatusCode.Created);
        var orders = await Task.WhenAll(answers.Select(async answer => (Guid)(await Shop.Body(answer))["id"]!));
        (await Read<string>("SELECT DISTINCT xmin::text FROM orders WHERE id = ANY($1)", orders)).Count.ShouldBe(1);
        foreach (var (order, correlation) in orders.Zip(correlations))
        {
            (await Read<string>("SELECT metadata ->> 'correlationId' FROM sync_events WHERE entity_type = 'order' AND entity_id = $1", order.ToString())).ShouldBe([correlation.ToString()]);
            (await Read<string>(
                "SELECT metadata ->> 'correlationId' FROM sync_events WHERE entity_type = 'customer' AND data ->> 'email' = $1", $"{correlation}@example.org"))
                .ShouldBe([correlation.ToString()]);
            (await placed.Next(_shop.Org, message => message.OrderId == order)).CorrelationId.ShouldBe(correlation);
        }
    }

    [Fact]
    public async Task What_is_refused_stops_none_of_the_others()
    {
        var item = await _shop.Item();
        var lines = Shop.Lines(item);
        var mine = Guid.NewGuid();
        (await _desk.Send(Desk.Order(new { lines, note = "first" }, key: "used"))).StatusCode.ShouldBe(HttpStatusCode.Created);
        var answers = await _desk.Meanwhile(item,
        [
            Desk.Order(new { lines }),
            Desk.Order(new { lines = Shop.Lines(Guid.NewGuid()) }, key: "a"),
            Desk.Order(new { lines, note = "another" }, key: "used"),
            Desk.Order(new { lines, note = "first" }, key: "used"),
            Desk.Order(new { lines, id = mine }, key: "b"),
            Desk.Order(new { lines, id = mine }),
            Desk.Order(new { lines, id = mine, note = "another" }),
            Desk.Order(new { lines }, key: "c"),
        ]);

        answers[0].StatusCode.ShouldBe(HttpStatusCode.Created);
        await Shop.Refused(answers[1], 422, "unknown-menu-item");
        await Shop.Refused(answers[2], 422, "idempotency-key-reused");
        answers[3].Headers.GetValues("Idempotent-Replayed").ShouldBe(["true"]);
        answers[4].StatusCode.ShouldBe(HttpStatusCode.Created);
        answers[5].StatusCode.ShouldBe(HttpStatusCode.OK);
        await Shop.Refused(answers[6], 409, "id-taken");
        answers[7].StatusCode.ShouldBe(HttpStatusCode.Created);
        // The one before, the one that held the others up, and three of these.
        (await _shop.Count("orders")).ShouldBe(5);

        var again = await _desk.Send(Desk.Order(new { lines = Shop.Lines(Guid.NewGuid()) }, key: "c"));
        await Shop.Refused(again, 422, "idempotency-key-reused");
    }

    [Fact]
    public async Task Of_one_key_sent_twice_at_once_one_is_done_and_the_other_told_to_wait()
    {
        var item = await _shop.Item();
        var answers = await _desk.Meanwhile(item, [.. Enumerable.Range(0, 2).Select(_ => Desk.Order(new { lines = Shop.Lines(item) }, key: "twice"))]);
        answers.Count(answer => answer.StatusCode == HttpStatusCode.Created).ShouldBe(1);
        var other = answers.Single(answer => answer.StatusCode != HttpStatusCode.Created);
        await Shop.Refused(other, 409, "idempotency-in-progress");
        other.Headers.GetValues("Retry-After").ShouldBe(["1"]);
    }

    [Fact]
    public async Task What_the_database_refuses_of_one_order_fails_that_one_alone_and_its_key_is_free_again()
    {
        var item = await _shop.Item();
        HttpRequestMessage Pieces(int quantity) => Desk.Order(new { lines = new[] { new { menuItemId = item, quantity } } }, key: $"{quantity}");
        await Run("ALTER TABLE order_lines ADD CONSTRAINT never_13 CHECK (quantity <> 13) NOT VALID");
        try
        {
            var answers = await _desk.Meanwhile(item, [Pieces(1), Pieces(13), Pieces(2)]);
            answers.Select(answer => answer.StatusCode).ShouldBe([HttpStatusCode.Created, HttpStatusCode.InternalServerError, HttpStatusCode.Created]);
        }
        finally
        {
            await Run("ALTER TABLE order_lines DROP CONSTRAINT never_13");
        }

        (await _shop.Count("orders")).ShouldBe(3);
        (await _desk.Send(Pieces(13))).StatusCode.ShouldBe(HttpStatusCode.Created);
    }

    [Fact]
    public async Task A_person_who_is_new_in_two_orders_at_once_is_one_customer()
    {
        var item = await _shop.Item();
        var answers = await _desk.Meanwhile(item, [.. new[] { "Ann", "Anne" }.Select(name => Desk.Order(new { lines = Shop.Lines(item), customer = new { externalId = "7", name } }))]);
        var customers = await Task.WhenAll(answers.Select(async answer => (Guid)(await Shop.Created(answer))["customerId"]!));
        customers.Distinct().Count().ShouldBe(1);
        (await Read<string>("SELECT name FROM customers WHERE external_id = $1", "7")).ShouldBe(["Ann"]);
    }

    [Fact]
    public async Task A_first_order_of_a_person_whom_another_stores_at_this_moment_waits_alone_and_finds_them()
    {
        var item = await _shop.Item();
        await using var connection = await _fixture.OpenAs("app", _shop.Org);
        await using var transaction = await connection.BeginTransactionAsync();
        await using var insert = new NpgsqlCommand("INSERT INTO customers (id, email) VALUES (gen_random_uuid(), 'new@example.org')", connection);
        await insert.ExecuteNonQueryAsync();

        var answers = await _desk.Held(item,
        [
            Desk.Order(new { lines = Shop.Lines(item) }),
            Desk.Order(new { lines = Shop.Lines(item), customer = new { email = "new@example.org" } }, key: "k"),
            Desk.Order(new { lines = Shop.Lines(item) }),
        ]);
        foreach (var free in new[] { answers[0], answers[2], _desk.Send(Desk.Order(new { lines = Shop.Lines(item) })) })
        {
            (await free.WaitAsync(TimeSpan.FromSeconds(9))).StatusCode.ShouldBe(HttpStatusCode.Created);
        }

        answers[1].IsCompleted.ShouldBeFalse();
        await transaction.CommitAsync();
        var order = await Shop.Created(await answers[1]);
        (await Read<Guid>("SELECT id FROM customers WHERE email = $1", "new@example.org")).ShouldBe([(Guid)order["customerId"]!]);
    }

    [Fact]
    public async Task An_order_whose_caller_hangs_up_is_carried_through_and_answers_a_repeat_whole()
    {
        // So large that it is written in several pieces.
        Guid[] items = [.. await Task.WhenAll(Enumerable.Range(0, 120).Select(_ => _shop.Item()))];
        var body = new { lines = Shop.Lines(items) };
        using var patience = new CancellationTokenSource();
        var hold = await _desk.Hold();
        var hungUp = _desk.Send(Desk.Order(body, key: "large"), patience.Token);
        await _desk.Waits("INSERT INTO order_numbers");
        await patience.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(hungUp);
        await Eventually.Is(async () => await Desk.LetGo(hold) && await _shop.Count("orders") == 1);

        var again = await _desk.Send(Desk.Order(body, key: "large"));
        again.Headers.GetValues("Idempotent-Replayed").ShouldBe(["true"]);
        (await Shop.Created(again))["lines"]!.AsArray().Count.ShouldBe(items.Length);
    }

    [Fact]
    public async Task An_order_whose_caller_hangs_up_before_its_turn_is_not_begun()
    {
        var item = await _shop.Item();
        using var patience = new CancellationTokenSource();
        using var desk = _desk.Watch(out var waiting);
        var hold = await _desk.Hold();
        var first = _desk.Send(Desk.Order(new { lines = Shop.Lines(item) }));
        await _desk.Waits("INSERT INTO order_numbers");
        var second = _desk.Send(Desk.Order(new { lines = Shop.Lines(item) }), patience.Token);
        await Eventually.Is(() => Task.FromResult(waiting() == 2));
        await patience.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(second);
        await Eventually.Is(() => Task.FromResult(waiting() == 1));
        await Desk.LetGo(hold);

        (await first).StatusCode.ShouldBe(HttpStatusCode.Created);
        await Shop.Created(await _desk.Send(Desk.Order(new { lines = Shop.Lines(item) })));
        (await _shop.Count("orders")).ShouldBe(2);
    }

    [Fact]
    public async Task More_orders_than_may_wait_are_told_to_come_again()
    {
        var item = await _shop.Item();
        var hold = await _desk.Hold();
        Task<HttpResponseMessage>[] all = [.. Enumerable.Range(0, 1_010).Select(_ => _desk.Send(Desk.Order(new { lines = Shop.Lines(item) })))];
        var refused = await await Task.WhenAny(all);
        await Shop.Refused(refused, 503, "too-many-orders");
        refused.Headers.GetValues("Retry-After").ShouldBe(["1"]);
        await Desk.LetGo(hold);
        var answers = await Task.WhenAll(all);
        var taken = answers.Count(answer => answer.StatusCode == HttpStatusCode.Created);
        taken.ShouldBeGreaterThanOrEqualTo(1_000);
        answers.Count(answer => answer.StatusCode == HttpStatusCode.ServiceUnavailable).ShouldBe(answers.Length - taken);
        (await _shop.Count("orders")).ShouldBe(taken);
    }

    private async Task<List<T>> Read<T>(string sql, object value)
    {
        await using var connection = await _fixture.OpenAs("app", _shop.Org);
        await using var command = new NpgsqlCommand(sql, connection) { Parameters = { new() { Value = value } } };
        await using var row = await command.ExecuteReaderAsync();
        List<T> values = [];
        while (await row.ReadAsync())
        {
            values.Add(row.GetFieldValue<T>(0));
        }

        return values;
    }

    private async Task Run(string sql)
    {
        await using var connection = await _fixture.OpenAs("owner");
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
