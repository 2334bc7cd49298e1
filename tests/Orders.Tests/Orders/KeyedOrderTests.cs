using System.Net;
using System.Net.Http.Json;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;

namespace OpsPlatform.Orders.Tests.Orders;

[Collection(nameof(OrdersCollection))]
public sealed class KeyedOrderTests(OrdersFixture fixture)
{
    private readonly Shop _shop = fixture.Shop();

    [Fact]
    public async Task An_order_without_an_id_of_its_own_sent_twice_with_a_key_is_one_order()
    {
        var body = new { lines = Shop.Lines(await _shop.Item()), note = "once" };
        var first = await Send("/orders", "till-1-0001", body);
        var again = await Send("/orders", "till-1-0001", body);

        (first.StatusCode, again.StatusCode).ShouldBe((HttpStatusCode.Created, HttpStatusCode.Created));
        again.Headers.GetValues("Idempotent-Replayed").ShouldBe(["true"]);
        again.Headers.Location.ShouldBe(first.Headers.Location);
        (await again.Content.ReadAsStringAsync()).ShouldBe(await first.Content.ReadAsStringAsync());
        (await _shop.Count("orders")).ShouldBe(1);
    }

    [Fact]
    public async Task A_replay_of_a_waiting_request_answers_with_the_decision()
    {
        var asked = await fixture.Broker.Listen<OrderConfirmationRequested>();
        var body = new { confirm = true, lines = Shop.Lines(await _shop.Item()) };

        var waiting = Send("/orders", "k", body, waitSeconds: 20);
        var order = (await asked.Next(_shop.Org)).Message.OrderId;
        var meanwhile = await Send("/orders", "k", body, waitSeconds: 20);
        meanwhile.StatusCode.ShouldBe(HttpStatusCode.Accepted);
        await _shop.Say(new StockConsumed(order, []));

        (await waiting).StatusCode.ShouldBe(HttpStatusCode.OK);
        var later = await Send("/orders", "k", body);
        later.StatusCode.ShouldBe(HttpStatusCode.OK);
        ((string)(await Shop.Body(later))["status"]!).ShouldBe("confirmed");
        later.Headers.GetValues("Preference-Applied").ShouldBe(["wait=20"]);
        (await _shop.Count("orders")).ShouldBe(1);
    }

    [Fact]
    public async Task A_replayed_confirmation_names_what_was_missing()
    {
        var asked = await fixture.Broker.Listen<OrderConfirmationRequested>();
        var order = await _shop.Order(await _shop.Item());

        var waiting = Send($"/orders/{order}/confirm", "k", waitSeconds: 20);
        await asked.Next(_shop.Org);
        await _shop.Say(new StockRefused(order, [new("out_of_stock", Guid.NewGuid(), "Flour", 3, 1, 2)]));

        await Shop.Refused(await waiting, 409, "order-rejected");
        var later = await Send($"/orders/{order}/confirm", "k");
        (await Shop.Refused(later, 409, "order-rejected"))["missing"]!.AsArray().Count.ShouldBe(1);
        later.Headers.GetValues("Idempotent-Replayed").ShouldBe(["true"]);
    }

    [Fact]
    public async Task An_id_that_is_taken_is_refused_under_a_key_as_without_one()
    {
        var id = Guid.NewGuid();
        var lines = Shop.Lines(await _shop.Item());
        (await Send("/orders", "one", new { id, lines })).StatusCode.ShouldBe(HttpStatusCode.Created);
        (await Send("/orders", "two", new { id, lines })).StatusCode.ShouldBe(HttpStatusCode.OK);
        await Shop.Refused(await Send("/orders", "three", new { id, lines, note = "other" }), 409, "id-taken");
    }

    [Fact]
    public async Task A_repeated_id_and_a_refusal_under_a_key_take_no_number()
    {
        var id = Guid.NewGuid();
        var lines = Shop.Lines(await _shop.Item());
        (await Send("/orders", "one", new { id, lines })).StatusCode.ShouldBe(HttpStatusCode.Created);
        (await Send("/orders", "two", new { id, lines })).StatusCode.ShouldBe(HttpStatusCode.OK);
        await Shop.Refused(await Send("/orders", "three", new { lines = Shop.Lines(Guid.NewGuid()) }), 422, "unknown-menu-item");
        ((long)(await Shop.Body(await Send("/orders", "four", new { lines })))["number"]!).ShouldBe(2);
    }

    [Fact]
    public async Task Orders_of_one_id_at_once_under_keys_of_their_own_are_one_order()
    {
        var lines = Shop.Lines(await _shop.Item());
        for (var round = 0; round < 5; round++)
        {
            var id = Guid.NewGuid();
            var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(n => Send("/orders", $"{id} {n}", new { id, lines })));
            answers.Count(answer => answer.StatusCode == HttpStatusCode.Created).ShouldBe(1);
            answers.Count(answer => answer.StatusCode == HttpStatusCode.OK).ShouldBe(5);
        }
    }

    [Fact]
    public async Task An_open_keyed_request_holds_up_no_other_order_of_the_organisation()
    {
        var item = await _shop.Item();
        var id = Guid.NewGuid();
        // An order under the same id that is not committed yet holds up the keyed request in the middle of its transaction.
        await using var connection = await fixture.OpenAs("app", _shop.Org);
        await using var transaction = await connection.BeginTransactionAsync();
        await using var insert = new Npgsql.NpgsqlCommand(
            """
            INSERT INTO orders (id, number, status, currency, total_minor, needs_stock, content_hash, occurred_at, placed_at)
            VALUES ($1, 0, 'placed', 'GBP', 0, true, '\x00', now(), now())
            """, connection)
        { Parameters = { new() { Value = id } } };
        await insert.ExecuteNonQueryAsync();
        var held = Send("/orders", "held", new { id, lines = Shop.Lines(item) });
        await Eventually.Is(async () =>
        {
            // On a connection of its own: within a transaction the view stays as it was first seen.
            await using var looking = await fixture.OpenAs("app");
            await using var waits = new Npgsql.NpgsqlCommand(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%INSERT INTO orders%')", looking);
            return (bool)(await waits.ExecuteScalarAsync())!;
        });

        for (var n = 0; n < 3; n++)
        {
            (await Send("/orders", $"free {n}", new { lines = Shop.Lines(item) }).WaitAsync(TimeSpan.FromSeconds(10))).StatusCode.ShouldBe(HttpStatusCode.Created);
        }

        held.IsCompleted.ShouldBeFalse();
        await transaction.RollbackAsync();
        (await held).StatusCode.ShouldBe(HttpStatusCode.Created);
    }

    [Fact]
    public async Task More_keyed_orders_at_once_than_there_are_connections_are_all_taken()
    {
        var lines = Shop.Lines(await _shop.Item());
        var answers = await Task.WhenAll(Enumerable.Range(0, 60).Select(n => Send("/orders", $"{n}", new { lines })));
        answers.ShouldAllBe(answer => answer.StatusCode == HttpStatusCode.Created);
        var numbers = await Task.WhenAll(answers.Select(async answer => (long)(await Shop.Body(answer))["number"]!));
        numbers.Distinct().Count().ShouldBe(60);
    }

    [Fact]
    public async Task Answers_that_are_corrected_are_found_among_many_without_reading_these()
    {
        const int Many = 30_000;
        const int Few = 30;
        await using var app = await fixture.OpenAs("app", _shop.Org);
        await using var admin = new NpgsqlConnection((await Infrastructure.Get()).Database(app.Database));
        await admin.OpenAsync();
        await using var fill = new NpgsqlCommand(
            $"""
            INSERT INTO idempotent_answers (org_id, key_hash, fingerprint, status, headers)
            SELECT '{_shop.Org}', sha256(n::text::bytea), sha256(''), 201, '{"{}"}' FROM generate_series(1, {Many}) n;
            ANALYZE idempotent_answers
            """, admin);
        await fill.ExecuteNonQueryAsync();
        var before = await Touched(admin);

        var asked = await fixture.Broker.Listen<OrderConfirmationRequested>();
        var body = new { confirm = true, lines = Shop.Lines(await _shop.Item()) };
        var waiting = Enumerable.Range(0, Few).Select(n => Send("/orders", $"k{n}", body, waitSeconds: 20)).ToArray();
        List<StockConsumed> decided = [];
        while (decided.Count < Few)
        {
            decided.Add(new((await asked.Next(_shop.Org)).Message.OrderId, []));
        }

        await _shop.Say([.. decided]);
        (await Task.WhenAll(waiting)).ShouldAllBe(answer => answer.StatusCode == HttpStatusCode.OK);
        await Eventually.Is(async () => (await Touched(admin)).Updated >= before.Updated + Few);
        ((await Touched(admin)).Read - before.Read).ShouldBeLessThan(Many / 10);
    }

    /// <summary>Rows of answers that were written anew, and that were looked at; sessions tell both together.</summary>
    private static async Task<(long Updated, long Read)> Touched(NpgsqlConnection admin)
    {
        await using var ask = new NpgsqlCommand("SELECT n_tup_upd, seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'idempotent_answers'", admin);
        await using var row = await ask.ExecuteReaderAsync();
        await row.ReadAsync();
        return (row.GetInt64(0), row.GetInt64(1));
    }

    private Task<HttpResponseMessage> Send(string path, string key, object? body = null, int? waitSeconds = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = body is null ? null : JsonContent.Create(body) };
        request.Headers.Add("Idempotency-Key", key);
        if (waitSeconds is not null)
        {
            request.Headers.Add("Prefer", $"wait={waitSeconds}");
        }

        return _shop.Till.SendAsync(request);
    }
}
