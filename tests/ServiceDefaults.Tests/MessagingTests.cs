using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tests.Sample;
using OpsPlatform.Testing;
using RabbitMQ.Client;

namespace OpsPlatform.ServiceDefaults.Tests;

public sealed class MessagingTests(NotesFixture fixture) : IClassFixture<NotesFixture>
{
    private readonly Guid _org = Guid.NewGuid();

    [Fact]
    public async Task A_message_leaves_with_the_change_and_not_without_it()
    {
        var placed = await fixture.Broker.Listen<OrderPlaced>();
        using var client = fixture.Client(_org);
        var lost = Guid.NewGuid();
        (await client.PostAsync($"/notes/{lost}/broken", null)).StatusCode.ShouldBe(HttpStatusCode.InternalServerError);
        var kept = Guid.NewGuid();
        (await client.PostAsJsonAsync("/notes", new { id = kept, text = "kept" })).StatusCode.ShouldBe(HttpStatusCode.Created);

        (await placed.Next(_org)).Message.OrderId.ShouldBe(kept);
        (await client.GetFromJsonAsync<string[]>("/notes"))!.ShouldBe(["kept"]);
    }

    [Fact]
    public async Task A_commit_that_is_no_listeners_takes_no_statements_along()
    {
        await using var scope = fixture.Services.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<NotesDb>();
        Should.Throw<InvalidOperationException>(() => db.RunLast([new NpgsqlBatchCommand("SELECT 1")]));
    }

    [Fact]
    public async Task A_message_carries_the_requests_correlation_and_an_answer_names_its_cause()
    {
        var placed = await fixture.Broker.Listen<OrderPlaced>();
        var confirmed = await fixture.Broker.Listen<OrderConfirmed>();
        using var client = fixture.Client(_org);
        var correlation = Guid.NewGuid();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/notes") { Content = JsonContent.Create(new { text = "x" }) };
        request.Headers.Add("X-Correlation-Id", correlation.ToString());
        var response = await client.SendAsync(request);
        response.Headers.GetValues("X-Correlation-Id").ShouldBe([correlation.ToString()]);
        (await placed.Next(_org)).CorrelationId.ShouldBe(correlation);

        var consumed = TestBroker.Envelope(_org, new StockConsumed(Guid.NewGuid(), []));
        await fixture.Broker.Send(consumed);
        var answer = await confirmed.Next(_org);
        answer.CausationId.ShouldBe(consumed.Id);
        answer.CorrelationId.ShouldBe(consumed.CorrelationId);
    }

    [Fact]
    public async Task A_row_that_raw_SQL_put_into_the_outbox_is_sent_and_removed()
    {
        var placed = await fixture.Broker.Listen<OrderPlaced>();
        await using var session = await fixture.OpenAs("app", _org);
        var order = Guid.NewGuid();
        await InsertOutbox(session, "OrderPlaced", JsonSerializer.Serialize(new { orderId = order, number = 1, totalMinor = 1, currency = "GBP", occurredAt = DateTimeOffset.UnixEpoch }));

        (await placed.Next(_org)).Message.OrderId.ShouldBe(order);
        await Eventually.Is(async () => await Count(session, "SELECT count(*) FROM outbox") == 0);
    }

    [Fact]
    public async Task A_message_delivered_twice_is_applied_once()
    {
        var confirmed = await fixture.Broker.Listen<OrderConfirmed>();
        var twice = TestBroker.Envelope(_org, new StockConsumed(Guid.NewGuid(), []));
        await fixture.Broker.Send(twice, twice);
        await fixture.Broker.Send(twice);
        var last = TestBroker.Envelope(_org, new StockConsumed(Guid.NewGuid(), []));
        await fixture.Broker.Send(last);

        (await confirmed.Next(_org)).Message.OrderId.ShouldBe(twice.Message.OrderId);
        (await confirmed.Next(_org)).Message.OrderId.ShouldBe(last.Message.OrderId);
        using var client = fixture.Client(_org);
        (await client.GetFromJsonAsync<string[]>("/notes"))!.Length.ShouldBe(2);
    }

    [Fact]
    public async Task Of_a_group_only_the_poison_is_parked_and_it_can_be_listed_and_retried()
    {
        var confirmed = await fixture.Broker.Listen<OrderConfirmed>();
        var poison = TestBroker.Envelope(_org, new StockConsumed(Guid.NewGuid(), [new(Guid.NewGuid(), -1)]));
        var good = TestBroker.Envelope(_org, new StockConsumed(Guid.NewGuid(), []));
        await fixture.Broker.Send(poison, good);
        (await confirmed.Next(_org)).Message.OrderId.ShouldBe(good.Message.OrderId);

        using var client = fixture.Client(_org);
        var error = await Eventually.Is(() => Errors(client), errors => errors.Count == 1);
        error[0].Kind.ShouldBe("message");
        error[0].Error!.ShouldContain("negative");
        using var stranger = fixture.Client(Guid.NewGuid());
        (await Errors(stranger)).ShouldBeEmpty();
        (await stranger.PostAsync($"/orders/errors/{error[0].Id}/retry", null)).StatusCode.ShouldBe(HttpStatusCode.NotFound);

        NoteWhenStockConsumed.Mended[_org] = true;
        (await client.PostAsync($"/orders/errors/{error[0].Id}/retry", null)).StatusCode.ShouldBe(HttpStatusCode.Accepted);
        (await confirmed.Next(_org)).Message.OrderId.ShouldBe(poison.Message.OrderId);
        (await Errors(client)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Bytes_that_are_no_message_are_parked_for_the_operator_and_the_rest_flows()
    {
        var confirmed = await fixture.Broker.Listen<OrderConfirmed>();
        await using (var connection = await new ConnectionFactory { Uri = fixture.Messaging }.CreateConnectionAsync())
        await using (var channel = await connection.CreateChannelAsync())
        {
            await channel.BasicPublishAsync("", "orders.StockConsumed", Encoding.UTF8.GetBytes("{ this is no message"));
        }

        var good = TestBroker.Envelope(_org, new StockConsumed(Guid.NewGuid(), []));
        await fixture.Broker.Send(good);
        (await confirmed.Next(_org)).Message.OrderId.ShouldBe(good.Message.OrderId);
        using var platform = fixture.Operator();
        var parked = await Eventually.Is(() => Errors(platform), errors => errors.Any(error => error.Name == "unreadable"));
        var detail = await platform.GetFromJsonAsync<JsonElement>($"/orders/errors/{parked.First(error => error.Name == "unreadable").Id}");
        detail.GetProperty("body").GetString().ShouldBe("{ this is no message");
    }

    [Fact]
    public async Task Bytes_that_are_no_message_are_parked_once_however_often_they_come_and_are_retried()
    {
        var bytes = $"{{ no message {Guid.NewGuid()}";
        await using var connection = await new ConnectionFactory { Uri = fixture.Messaging }.CreateConnectionAsync();
        await using var channel = await connection.CreateChannelAsync();
        await channel.BasicPublishAsync("", "orders.StockConsumed", Encoding.UTF8.GetBytes(bytes));
        await channel.BasicPublishAsync("", "orders.StockConsumed", Encoding.UTF8.GetBytes(bytes));
        using var platform = fixture.Anonymous();
        platform.DefaultRequestHeaders.Add("X-Operator-Key", NotesFixture.OperatorKey);
        var twice = (await Eventually.Is(Parked, parked => parked is [{ Attempts: 2 }])).Single();

        (await platform.PostAsync($"/orders/errors/{twice.Id}/retry", null)).StatusCode.ShouldBe(HttpStatusCode.Accepted);
        await Eventually.Is(Parked, parked => parked.Count == 1 && parked[0].Id != twice.Id);
        await channel.BasicPublishAsync("", "orders.StockConsumed", Encoding.UTF8.GetBytes(bytes));
        await Eventually.Is(Parked, parked => parked is [{ Attempts: 2 }]);

        async Task<IReadOnlyList<ErrorItem>> Parked()
        {
            List<ErrorItem> found = [];
            foreach (var item in (await Errors(platform)).Where(error => error.Name == "unreadable"))
            {
                var detail = await platform.GetAsync($"/orders/errors/{item.Id}");
                if (detail.IsSuccessStatusCode && (await detail.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("body").GetString() == bytes)
                {
                    found.Add(item);
                }
            }

            return found;
        }
    }

    [Fact]
    public async Task A_poison_outbox_row_fails_after_its_attempts_and_can_be_retried_while_the_rest_flows()
    {
        var placed = await fixture.Broker.Listen<OrderPlaced>();
        await using var session = await fixture.OpenAs("app", _org);
        await InsertOutbox(session, "NoSuchMessage", "{}");
        using var client = fixture.Client(_org);
        (await client.PostAsJsonAsync("/notes", new { text = "flows" })).EnsureSuccessStatusCode();
        await placed.Next(_org);

        var errors = await Eventually.Is(() => Errors(client), errors => errors.Count == 1);
        errors[0].Kind.ShouldBe("outbox");
        errors[0].Attempts.ShouldBe(3);
        errors[0].Error!.ShouldContain("NoSuchMessage");

        await using (var mend = new NpgsqlCommand(
            "UPDATE outbox SET message_type = 'OrderPlaced', body = '{\"orderId\":\"019340a0-0000-7000-8000-000000000000\",\"number\":1,\"totalMinor\":1,\"currency\":\"GBP\",\"occurredAt\":\"2026-01-01T00:00:00Z\"}' WHERE id = $1",
            await fixture.OpenAs("relay")))
        {
            mend.Parameters.Add(new() { Value = errors[0].Id });
            await mend.ExecuteNonQueryAsync();
        }

        (await client.PostAsync($"/orders/errors/{errors[0].Id}/retry", null)).StatusCode.ShouldBe(HttpStatusCode.Accepted);
        (await placed.Next(_org)).Id.ShouldBe(errors[0].Id);
    }

    private static async Task<IReadOnlyList<ErrorItem>> Errors(HttpClient client) =>
        (await client.GetFromJsonAsync<ErrorList>("/orders/errors"))!.Items;

    private static async Task InsertOutbox(NpgsqlConnection session, string type, string body)
    {
        await using var insert = new NpgsqlCommand(
            "INSERT INTO outbox (id, org_id, message_type, body, correlation_id) VALUES (gen_random_uuid(), current_org(), $1, $2::jsonb, gen_random_uuid())", session);
        insert.Parameters.Add(new() { Value = type });
        insert.Parameters.Add(new() { Value = body });
        await insert.ExecuteNonQueryAsync();
    }

    private static async Task<long> Count(NpgsqlConnection session, string sql)
    {
        await using var count = new NpgsqlCommand(sql, session);
        return (long)(await count.ExecuteScalarAsync())!;
    }

    private sealed record ErrorItem(Guid Id, string Kind, string Name, int Attempts, string? Error);

    private sealed record ErrorList(IReadOnlyList<ErrorItem> Items);

    [Fact]
    public async Task A_listener_waits_a_tenth_of_the_backoff_before_its_second_try_and_then_twice_as_long_each_time()
    {
        var time = new ImpatientTime();
        var settings = new RelaySettings(1, 4, TimeSpan.FromSeconds(1), true, TimeSpan.FromSeconds(1));
        var patience = new Patience(fixture.Database, settings, time, NullLogger<Patience>.Instance);
        List<int> parkedAfter = [];
        await patience.Apply<int>(
            [1],
            (_, _) => throw new InvalidDataException(),
            (_, _, attempts) =>
            {
                parkedAfter.Add(attempts);
                return Task.CompletedTask;
            },
            CancellationToken.None);
        parkedAfter.ShouldBe([4]);
        time.Waited.ShouldBe([TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(200), TimeSpan.FromMilliseconds(400)]);
    }

    /// <summary>Notes for how long somebody would wait, and wakes them at once.</summary>
    private sealed class ImpatientTime : TimeProvider
    {
        public List<TimeSpan> Waited { get; } = [];

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Waited.Add(dueTime);
            return base.CreateTimer(callback, state, TimeSpan.Zero, period);
        }
    }
}
