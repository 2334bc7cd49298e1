using System.Net;
using System.Text.Json;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;

namespace OpsPlatform.OperationTracking.Tests;

public sealed class BulkTests(OperationsFixture service)
{
    private readonly Desk _desk = service.Desk();

    [Fact]
    public async Task Those_named_are_cancelled_and_of_each_is_told_what_became_of_it()
    {
        var heard = await service.Broker.Listen<OperationCancelled>();
        var waiting = await _desk.Post();
        var services = (await _desk.Running()).OperationId;
        var over = (await _desk.Ended()).OperationId;
        var colleague = (await _desk.Running(x => x with { UserId = Guid.NewGuid().ToString() })).OperationId;
        var unknown = Guid.NewGuid();
        var (status, body, answer) = await _desk.Send("/operations/bulk", new { action = "cancel", ids = new[] { waiting, services, over, colleague, unknown, waiting }, reason = "Stock-taking." });
        status.ShouldBe(HttpStatusCode.Accepted);
        body.Number("count").ShouldBe(5);
        var id = body.GetProperty("operationId").GetGuid();
        answer.Headers.Location!.ToString().ShouldBe($"/operations/{id}");
        answer.Headers.GetValues("Operation-Location").ShouldBe([$"/operations/{id}/status"]);

        var done = await _desk.Shows(id, x => x.Text("status") == "completed");
        done.Text("operationType").ShouldBe("operations.bulk_cancel");
        done.Text("userId").ShouldBe(_desk.User.ToString());
        done.GetProperty("context").Text("action").ShouldBe("cancel");
        done.GetProperty("context").Number("count").ShouldBe(5);
        (done.GetProperty("counters").Number("done"), done.GetProperty("counters").Number("failed"), done.GetProperty("counters").Number("skipped")).ShouldBe((2, 2, 1));
        var items = await Items(id);
        items[waiting].Text("outcome").ShouldBe("done");
        items[services].Text("outcome").ShouldBe("done");
        items[over].Text("outcome").ShouldBe("skipped");
        items[over].Text("error").ShouldBe("It has ended.");
        items[colleague].Text("outcome").ShouldBe("failed");
        items[colleague].Text("error").ShouldBe(items[unknown].Text("error"));

        (await _desk.Get(waiting)).Text("status").ShouldBe("cancelled");
        (await _desk.Get(services)).Text("status").ShouldBe("cancelling");
        (await _desk.Get(services)).Text("cancelReason").ShouldBe("Stock-taking.");
        (await heard.Next(_desk.Org)).Message.ShouldBe(new OperationCancelled(services, "orders", _desk.User.ToString(), "Stock-taking."));
        await _desk.RowShows(colleague, "status = 'in_progress'");
        using var admin = _desk.Client("admin");
        (await _desk.Get("/operations/audit", client: admin)).GetProperty("isIntact").GetBoolean().ShouldBeTrue();
    }

    [Fact]
    public async Task Those_a_filter_finds_are_tried_again_and_asked_for_validation_only_it_says_how_many()
    {
        List<Guid> failed = [(await _desk.Ended("failed")).OperationId, (await _desk.Ended("failed")).OperationId];
        await _desk.Ended("failed", x => x with { Tags = ["other"] });
        var theirs = _desk.Operation(change: x => x with { UserId = Guid.NewGuid().ToString() });
        await _desk.Say(_desk.End(theirs, "failed"));
        await _desk.RowShows(theirs.OperationId, "status = 'failed'");
        await _desk.Ended();
        var filter = new { tag = "monthly", operationType = "orders.export", entityType = "report", entityId = "r-1", queuedBefore = DateTimeOffset.UtcNow };
        var would = await _desk.Done("/operations/bulk", new { action = "retry", filter, validateOnly = true });
        would.Number("count").ShouldBe(2);
        would.IsNull("operationId").ShouldBeTrue();
        (await _desk.Get(failed[0])).Text("status").ShouldBe("failed");

        var body = await _desk.Done("/operations/bulk", new { action = "retry", filter });
        var id = body.GetProperty("operationId").GetGuid();
        (await _desk.Shows(id, x => x.Text("status") == "completed")).GetProperty("result").Number("done").ShouldBe(2);
        (await Items(id)).Keys.ShouldBe(failed, ignoreOrder: true);
        foreach (var one in failed)
        {
            (await _desk.Get(one)).Text("status").ShouldBe("queued");
        }

        using var admin = _desk.Client("admin", Guid.NewGuid());
        (await _desk.Done("/operations/bulk", new { action = "retry", filter = new { status = "failed" }, validateOnly = true }, admin)).Number("count").ShouldBe(2);
        (await _desk.Done("/operations/bulk", new { action = "retry", filter = new { queuedBefore = _desk.At(0) }, validateOnly = true }, admin)).Number("count").ShouldBe(0);
    }

    [Fact]
    public async Task Results_are_their_askers_alone_and_come_in_pages()
    {
        var ids = await Task.WhenAll(Enumerable.Range(0, 7).Select(_ => _desk.Post()));
        var id = (await _desk.Done("/operations/bulk", new { action = "cancel", ids })).GetProperty("operationId").GetGuid();
        await _desk.Shows(id, x => x.Text("status") == "completed");
        List<string> seen = [];
        string? cursor = null;
        do
        {
            var page = await _desk.Get($"/operations/{id}/bulk?limit=3{(cursor is null ? "" : $"&cursor={cursor}")}");
            seen.AddRange(page.GetProperty("items").EnumerateArray().Select(x => x.Text("id")));
            cursor = page.GetProperty("nextCursor").GetString();
        }
        while (cursor is not null);
        seen.ShouldBe(ids.Select(x => x.ToString()), ignoreOrder: true);

        using var colleague = _desk.Client("staff", Guid.NewGuid());
        (await _desk.Get($"/operations/{id}/bulk", HttpStatusCode.Forbidden, colleague)).Problem().ShouldBe("not-yours");
        using var stranger = service.Client(Guid.NewGuid());
        await _desk.Get($"/operations/{id}/bulk", HttpStatusCode.NotFound, stranger);
        var stolen = (await _desk.Send("/operations/bulk", new { action = "cancel", ids }, stranger)).Body.GetProperty("operationId").GetGuid();
        var theirs = await Eventually.Is(() => _desk.Get($"/operations/{stolen}", client: stranger), x => x.Text("status") == "completed");
        theirs.GetProperty("counters").Number("failed").ShouldBe(7);
    }

    /// <summary>As when its process was killed: the lease runs out while it is at work.</summary>
    [Fact]
    public async Task Another_instance_goes_on_from_where_the_first_had_stored_and_nothing_is_done_twice()
    {
        var ids = await Task.WhenAll(Enumerable.Range(0, 120).Select(_ => _desk.Post()));
        // The third batch is held up.
        await using var connection = await service.OpenAs("app", _desk.Org);
        await using var held = await connection.BeginTransactionAsync();
        await using (var hold = new NpgsqlCommand($"SELECT FROM operations WHERE id = (SELECT id FROM operations ORDER BY id DESC LIMIT 1) FOR UPDATE", connection, held))
        {
            await hold.ExecuteNonQueryAsync();
        }

        var id = (await _desk.Done("/operations/bulk", new { action = "cancel", ids })).GetProperty("operationId").GetGuid();
        await Eventually.Is(async () => await _desk.Sql<long>($"SELECT count(*) FROM bulk_items WHERE bulk_id = '{id}' AND outcome = 'done'") == 100);
        await _desk.Execute($"UPDATE operation_work SET leased_until = clock_timestamp() - interval '1 second', fence = fence + 1, state = 'waiting' WHERE id = '{id}'");
        await Eventually.Is(async () => await _desk.Sql<int>($"SELECT attempts FROM operation_work WHERE id = '{id}'") == 2);
        await held.RollbackAsync();

        var done = await _desk.Shows(id, x => x.Text("status") == "completed");
        done.Number("attempt").ShouldBe(2);
        done.GetProperty("counters").Number("done").ShouldBe(120);
        (await Items(id)).Values.ShouldAllBe(x => x.Text("outcome") == "done");
        (await _desk.Sql<long>("SELECT count(*) FROM timeline WHERE event = 'cancel_asked'")).ShouldBe(120);
    }

    [Fact]
    public async Task With_the_same_key_it_is_started_once()
    {
        var ids = new[] { await _desk.Post() };
        var first = await _desk.Send("/operations/bulk", new { action = "cancel", ids }, key: "b-1");
        var second = await _desk.Send("/operations/bulk", new { action = "cancel", ids }, key: "b-1");
        second.Body.ToString().ShouldBe(first.Body.ToString());
    }

    [Theory]
    [InlineData("""{"action":"cancel"}""")]
    [InlineData("""{"action":"cancel","filter":{}}""")]
    [InlineData("""{"action":"cancel","ids":[]}""")]
    [InlineData("""{"action":"cancel","ids":["00000000-0000-0000-0000-000000000000"]}""")]
    [InlineData("""{"action":"delete","filter":{"tag":"a"}}""")]
    [InlineData("""{"action":"cancel","filter":{"status":"sleeping"}}""")]
    [InlineData("""{"action":"retry","filter":{"tag":"a"},"reason":"why not"}""")]
    [InlineData("""{"action":"cancel","filter":{"tag":"a\u0000"}}""")]
    [InlineData("""{"action":"cancel","filter":{"surprise":1}}""")]
    public async Task What_makes_no_sense_is_refused(string json) =>
        (await _desk.Refused("/operations/bulk", JsonElement.Parse(json), HttpStatusCode.BadRequest)).ShouldStartWith("invalid");

    [Fact]
    public async Task Of_those_named_a_filter_picks_some()
    {
        Guid[] ids = [await _desk.Post(("tags", new[] { "these" })), await _desk.Post()];
        await _desk.Post(("tags", new[] { "these" }));
        (await _desk.Done("/operations/bulk", new { action = "cancel", ids, filter = new { tag = "these" }, validateOnly = true })).Number("count").ShouldBe(1);
    }

    [Fact]
    public async Task So_many_are_done_together()
    {
        var template = await _desk.Post();
        await _desk.Execute($"""
            INSERT INTO operations (id, operation_type, service, display_name, user_id, total_steps, steps, max_attempts, queued_at, cause_since)
            SELECT gen_random_uuid(), 'many.many', 'orders', display_name, user_id, total_steps, steps, max_attempts, queued_at, cause_since
            FROM operations, generate_series(1, 10001) WHERE id = '{template}'
            """);
        (await _desk.Refused("/operations/bulk", new { action = "cancel", filter = new { operationType = "many.many" } }, HttpStatusCode.UnprocessableEntity)).ShouldBe("too-many-found");
        (await _desk.Refused("/operations/bulk", new { action = "cancel", ids = Enumerable.Range(0, 1001).Select(_ => Guid.NewGuid()) }, HttpStatusCode.BadRequest)).ShouldBe("invalid");
    }

    private async Task<Dictionary<Guid, JsonElement>> Items(Guid id) =>
        (await _desk.Get($"/operations/{id}/bulk?limit=200")).GetProperty("items").EnumerateArray().ToDictionary(x => x.GetProperty("id").GetGuid());
}
