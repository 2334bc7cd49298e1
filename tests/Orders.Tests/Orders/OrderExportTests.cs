using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;

namespace OpsPlatform.Orders.Tests.Orders;

[Collection(nameof(OrdersCollection))]
public sealed class OrderExportTests(OrdersFixture fixture)
{
    private const string From = "2020-01-01T00:00:00Z";
    private const string To = "2100-01-01T00:00:00Z";

    private readonly Shop _shop = fixture.Shop();

    [Fact]
    public async Task The_file_holds_each_line_of_each_order_of_the_time_asked_for_in_their_order()
    {
        var item = await _shop.Item(priceMinor: 250, code: "bun-1");
        var tea = await _shop.Item(kind: "service", priceMinor: 100);
        await Place("2024-03-01T12:00:00Z", null, tea);
        var second = await Place("2024-03-02T12:00:00+02:00", "say \"hi\", please\nthanks", item, tea);
        var first = await Place("2024-03-02T09:00:00Z", "=1+1", item);
        await Place("2024-03-03T00:00:00Z", null, tea);

        var (file, ended) = await Export("2024-03-02T00:00:00Z", "2024-03-03T00:00:00Z");

        var lines = file.Split("\r\n");
        lines[0].ShouldBe("orderId,number,occurredAt,status,customerId,currency,orderTotalMinor,note,lineNo,menuItemId,name,category,kind,quantity,unitPriceMinor,lineTotalMinor,taxClass");
        lines[1].ShouldBe($"{first},3,2024-03-02T09:00:00.0000000Z,placed,,GBP,250,\"'=1+1\",1,{item},A recipe,,recipe,1,250,250,standard");
        lines[2].ShouldBe($"{second},2,2024-03-02T10:00:00.0000000Z,placed,,GBP,350,\"say \"\"hi\"\", please\nthanks\",1,{item},A recipe,,recipe,1,250,250,standard");
        lines[3].ShouldStartWith($"{second},2,");
        lines[3].ShouldEndWith($",2,{tea},A service,,service,1,100,100,standard");
        lines.Length.ShouldBe(5);
        var result = JsonNode.Parse(ended.Result!)!;
        ((long)result["orders"]!, (long)result["lines"]!, (long)result["bytes"]!).ShouldBe((2, 3, file.Length));
    }

    [Fact]
    public async Task An_export_of_one_state_holds_no_other_and_one_of_nothing_is_a_header()
    {
        var confirmed = await _shop.ConfirmedOrder();
        await _shop.Order(await _shop.Item());

        (await Export(From, To, "confirmed")).File.Split("\r\n").Length.ShouldBe(3);
        (await Export(From, To, "confirmed")).File.ShouldContain(confirmed.ToString());
        var (nothing, ended) = await Export(From, To, "rejected");
        nothing.Split("\r\n").Length.ShouldBe(2);
        ended.Last!.Total.ShouldBe(0);
    }

    [Fact]
    public async Task Many_orders_are_written_in_parts_and_none_is_missed_or_repeated()
    {
        var tea = await _shop.Item(kind: "service");
        await Parallel.ForEachAsync(Enumerable.Range(0, 1_201), new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (_, _) => await Place("2024-05-05T05:05:05Z", null, tea));

        var (file, ended) = await Export(From, To);

        var ids = file.Split("\r\n")[1..^1].Select(line => line[..36]).ToList();
        ids.Count.ShouldBe(1_201);
        ids.Distinct().Count().ShouldBe(1_201);
        ids.ShouldBe(ids.Order(StringComparer.Ordinal));
        (ended.Last!.Done, ended.Last.Total, ended.Last.Percent).ShouldBe((1_201L, 1_201L, 100.0));
    }

    [Fact]
    public async Task Of_an_export_cancelled_while_it_was_written_no_half_a_file_is_left()
    {
        await _shop.Order(await _shop.Item(kind: "service"));
        var ends = await fixture.Broker.Listen<OperationEnded>();
        await using var session = await fixture.OpenAs("owner", _shop.Org);
        await using var held = await session.BeginTransactionAsync();
        // The first part waits to be written.
        await Execute("LOCK TABLE order_export_parts IN EXCLUSIVE MODE");
        var export = await Shop.Body(await _shop.Till.PostAsJsonAsync("/orders/exports", new { from = From, to = To }));
        var id = (Guid)export["operationId"]!;
        await Eventually.Is(() => _shop.Count($"operation_work WHERE id = '{id}' AND entered_step = 2"), count => count == 1);
        await Execute($"INSERT INTO order_export_parts (export_id, no, content) VALUES ('{id}', 99, 'half a file')");
        await fixture.Broker.Publish(_shop.Org, new OperationCancelled(id, "orders", "somebody"));
        await Eventually.Is(() => _shop.Count($"operation_work WHERE id = '{id}' AND cancelled_by IS NOT NULL"), count => count == 1);
        await held.CommitAsync();

        (await ends.Next(_shop.Org)).Message.ShouldSatisfyAllConditions(x => x.Outcome.ShouldBe("cancelled"), x => (x.Last!.Effects ?? []).ShouldBeEmpty());
        (await _shop.Count("order_export_parts")).ShouldBe(0);
        (await _shop.Till.GetAsync((string)export["href"]!)).StatusCode.ShouldBe(HttpStatusCode.NotFound);

        async Task Execute(string sql)
        {
            await using var command = new Npgsql.NpgsqlCommand(sql, session, held);
            await command.ExecuteNonQueryAsync();
        }
    }

    [Fact]
    public async Task Two_exports_of_an_organisation_are_written_at_a_time_and_the_third_says_that_it_waits()
    {
        var (reports, ends) = (await fixture.Broker.Listen<OperationReported>(), await fixture.Broker.Listen<OperationEnded>());
        await _shop.Order(await _shop.Item(kind: "service"));
        await using var session = await fixture.OpenAs("owner", _shop.Org);
        await using var held = await session.BeginTransactionAsync();
        await using (var hold = new Npgsql.NpgsqlCommand("LOCK TABLE order_export_parts IN EXCLUSIVE MODE", session, held))
        {
            await hold.ExecuteNonQueryAsync();
        }

        List<Guid> ids = [];
        for (var n = 0; n < 3; n++)
        {
            ids.Add((Guid)(await Shop.Body(await _shop.Till.PostAsJsonAsync("/orders/exports", new { from = From, to = To })))["operationId"]!);
        }

        var waits = (await reports.Next(_shop.Org, x => x.Attempt == 0)).Message;
        (waits.OperationId, waits.Cause, waits.BlockedBy).ShouldBe((ids[2], "rate_limit", null));
        (await _shop.Count("operation_work WHERE state = 'running'")).ShouldBe(2);
        await held.CommitAsync();
        for (var n = 0; n < 3; n++)
        {
            (await ends.Next(_shop.Org)).Message.Outcome.ShouldBe("completed");
        }
    }

    [Fact]
    public async Task The_file_is_nobody_elses_and_not_there_before_it_is_whole()
    {
        await _shop.Order(await _shop.Item(kind: "service"));
        var (_, ended) = await Export(From, To);
        var href = (string)JsonNode.Parse(ended.Result!)!["href"]!;

        (await fixture.Shop().Till.GetAsync(href)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await _shop.As("viewer").GetAsync(href)).StatusCode.ShouldBe(HttpStatusCode.OK);
        await using (var session = await fixture.OpenAs("app", _shop.Org))
        await using (var undo = new Npgsql.NpgsqlCommand("UPDATE order_exports SET bytes = NULL", session))
        {
            (await undo.ExecuteNonQueryAsync()).ShouldBe(1);
        }

        await Shop.Refused(await _shop.Till.GetAsync(href), 409, "export-not-ready");
    }

    [Theory]
    [InlineData("""{"from":"2024-01-02T00:00:00Z","to":"2024-01-02T00:00:00Z"}""")]
    [InlineData("""{"from":"2024-01-02T00:00:00Z"}""")]
    [InlineData("""{"from":"yesterday","to":"2024-01-02T00:00:00Z"}""")]
    [InlineData("""{"from":"2024-01-01T00:00:00Z","to":"2024-01-02T00:00:00Z","statuses":["Placed"]}""")]
    public async Task What_does_not_make_sense_is_refused(string body)
    {
        using var content = new StringContent(body, null, "application/json");
        (await _shop.Till.PostAsync("/orders/exports", content)).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await _shop.Count("operation_work")).ShouldBe(0);
    }

    [Fact]
    public async Task An_export_asked_for_twice_with_one_key_is_written_once_and_viewers_may_not_ask()
    {
        var first = await Keyed();
        var second = await Keyed();
        second.ShouldBe(first);
        (await _shop.Count("operation_work")).ShouldBe(1);
        (await _shop.As("viewer").PostAsJsonAsync("/orders/exports", new { from = From, to = To })).StatusCode.ShouldBe(HttpStatusCode.Forbidden);

        async Task<string> Keyed()
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/orders/exports") { Content = JsonContent.Create(new { from = From, to = To }) };
            request.Headers.Add("Idempotency-Key", "export-1");
            var answer = await _shop.Till.SendAsync(request);
            answer.StatusCode.ShouldBe(HttpStatusCode.Accepted);
            return await answer.Content.ReadAsStringAsync();
        }
    }

    private async Task<Guid> Place(string occurredAt, string? note, params Guid[] items) =>
        (Guid)(await Shop.Created(await _shop.Place(new { occurredAt, note, lines = Shop.Lines(items) })))["id"]!;

    private async Task<(string File, OperationEnded Ended)> Export(string from, string to, string? status = null)
    {
        var ends = await fixture.Broker.Listen<OperationEnded>();
        var answer = await _shop.Till.PostAsJsonAsync("/orders/exports", new { from, to, statuses = status is null ? null : new[] { status } });
        answer.StatusCode.ShouldBe(HttpStatusCode.Accepted, await answer.Content.ReadAsStringAsync());
        var export = await Shop.Body(answer);
        answer.Headers.GetValues("Operation-Location").ShouldBe([$"/operations/{export["operationId"]}/status"]);
        var ended = (await ends.Next(_shop.Org)).Message;
        ended.Outcome.ShouldBe("completed", ended.Error);
        var file = await _shop.Till.GetAsync((string)export["href"]!);
        file.Content.Headers.ContentType!.MediaType.ShouldBe("text/csv");
        file.Content.Headers.ContentDisposition!.FileName.ShouldBe((string)export["fileName"]!);
        return (await file.Content.ReadAsStringAsync(), ended);
    }
}
