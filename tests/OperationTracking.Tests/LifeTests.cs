using System.Net;

namespace OpsPlatform.OperationTracking.Tests;

public sealed class LifeTests(OperationsFixture service)
{
    private readonly Desk _desk = service.Desk();

    [Fact]
    public async Task An_operation_is_seen_from_its_start_to_its_end()
    {
        var operation = await _desk.Started();
        var id = operation.OperationId;
        var queued = await _desk.Get(id);
        queued.Text("status").ShouldBe("queued");
        queued.Text("operationType").ShouldBe("orders.export");
        queued.Text("displayName").ShouldBe("Export of orders");
        queued.Text("userId").ShouldBe(_desk.User.ToString());
        queued.Text("service").ShouldBe("orders");
        queued.Text("entityType").ShouldBe("report");
        queued.Text("entityId").ShouldBe("r-1");
        queued.GetProperty("context").Number("rows").ShouldBe(7);
        queued.GetProperty("tags")[0].GetString().ShouldBe("monthly");
        queued.Number("totalSteps").ShouldBe(2);
        queued.Number("maxAttempts").ShouldBe(3);
        queued.Text("version").ShouldBe("0.0.queued");
        queued.IsNull("startedAt").ShouldBeTrue();

        await _desk.Say(_desk.Report(id, 1, 4, 80));
        var running = await _desk.Shows(id, x => x.Text("status") == "in_progress");
        running.Number("progressPercentage").ShouldBe(80);
        running.Number("currentStep").ShouldBe(2);
        running.Text("stepDescription").ShouldBe("Write");
        running.GetProperty("counters").Number("done").ShouldBe(80);
        running.GetProperty("counters").Number("bytes").ShouldBe(4_096);
        running.Text("message").ShouldBe("at 80");
        running.Text("version").ShouldBe("1.4.in_progress");
        running.GetProperty("startedAt").GetDateTimeOffset().ShouldBe(_desk.At(2));
        // 18 seconds and more for 80 %.
        running.Number("timeRemaining").ShouldBeInRange(4, 30);
        running.GetProperty("isStuck").GetBoolean().ShouldBeFalse();

        await _desk.Say(_desk.End(operation, last: _desk.Report(id, 1, 5, 99)));
        var ended = await _desk.Shows(id, x => x.Text("status") == "completed");
        ended.Number("progressPercentage").ShouldBe(100);
        ended.GetProperty("counters").Number("done").ShouldBe(99);
        ended.GetProperty("result").Text("href").ShouldBe("/files/1");
        ended.IsNull("errorMessage").ShouldBeTrue();
        ended.IsNull("timeRemaining").ShouldBeTrue();
        ended.Text("version").ShouldBe("1.5.completed");
        (await _desk.Story(id)).ShouldBe(["started", "attempt_began", "completed"]);
    }

    [Fact]
    public async Task Who_asks_before_the_start_is_heard_is_answered_once_it_is()
    {
        var operation = _desk.Operation();
        var asked = _desk.Get(operation.OperationId);
        await _desk.Say(operation);
        (await asked).Text("status").ShouldBe("queued");
    }

    [Fact]
    public async Task What_nobody_tells_of_is_not_found() => await _desk.Get($"/operations/{Guid.NewGuid()}", HttpStatusCode.NotFound);

    [Fact]
    public async Task An_operation_that_goes_on_says_when_to_come_again_and_one_that_has_ended_does_not()
    {
        using var client = _desk.Client();
        using var running = await client.GetAsync($"/operations/{(await _desk.Running()).OperationId}");
        running.Headers.RetryAfter!.Delta.ShouldBe(TimeSpan.FromSeconds(1));
        using var ended = await client.GetAsync($"/operations/{(await _desk.Ended()).OperationId}");
        ended.Headers.RetryAfter.ShouldBeNull();
    }

    [Fact]
    public async Task An_end_that_comes_before_the_start_makes_the_operation_known_and_the_start_changes_nothing()
    {
        var operation = await _desk.Ended("failed");
        var ended = await _desk.Get(operation.OperationId);
        ended.Text("errorMessage").ShouldBe("No space left.");
        ended.Number("progressPercentage").ShouldBe(50);

        await _desk.Say(operation);
        await _desk.EverythingIsHeard();
        (await _desk.Get(operation.OperationId)).Text("version").ShouldBe(ended.Text("version"));
        (await _desk.Story(operation.OperationId)).ShouldBe(["started", "attempt_began", "failed"]);
    }

    [Fact]
    public async Task An_operation_may_fail_before_it_was_begun()
    {
        var operation = await _desk.Started();
        await _desk.Say(_desk.End(operation, "failed"));
        var failed = await _desk.Shows(operation.OperationId, x => x.Text("status") == "failed");
        failed.Number("attempt").ShouldBe(0);
        (await _desk.Story(operation.OperationId)).ShouldBe(["started", "failed"]);
    }

    [Fact]
    public async Task What_is_completed_without_a_report_is_completed()
    {
        var operation = await _desk.Started();
        await _desk.Say(_desk.End(operation));
        (await _desk.Shows(operation.OperationId, x => x.Text("status") == "completed")).Number("progressPercentage").ShouldBe(100);
    }

    [Fact]
    public async Task A_report_that_comes_before_the_start_counts_once_the_start_has_come()
    {
        var operation = _desk.Operation();
        await _desk.Say(_desk.Report(operation.OperationId, 1, 1, 42));
        await _desk.EverythingIsHeard();
        await _desk.Say(operation);
        await _desk.RowShows(operation.OperationId, "status = 'in_progress' AND progress_percentage = 42");
    }

    [Fact]
    public async Task A_start_and_an_end_that_come_twice_are_told_once()
    {
        var operation = _desk.Operation();
        await _desk.Say(operation, operation);
        await _desk.Shows(operation.OperationId, x => x.Text("status") == "queued");
        var end = _desk.End(operation, last: _desk.Report(operation.OperationId, 1, 1, 9));
        await _desk.Say(end, end);
        await _desk.Say(end);
        await _desk.EverythingIsHeard();
        (await _desk.Sql<long>("SELECT count(*) FROM parked_messages")).ShouldBe(0);
        (await _desk.Story(operation.OperationId)).ShouldBe(["started", "attempt_began", "completed"]);
    }

    [Fact]
    public async Task A_worker_that_lives_but_gets_no_further_for_a_minute_is_stuck()
    {
        var operation = await _desk.Started();
        await _desk.Say(_desk.Report(operation.OperationId, 1, 1, 5, x => x with { AdvancedAt = DateTimeOffset.UtcNow.AddSeconds(-61) }));
        (await _desk.Shows(operation.OperationId, x => x.Text("status") == "in_progress")).GetProperty("isStuck").GetBoolean().ShouldBeTrue();
    }

    [Fact]
    public async Task A_context_that_is_no_small_object_and_a_name_that_no_column_takes_do_not_keep_an_operation_from_being_known()
    {
        var deep = string.Concat(Enumerable.Repeat("{\"a\":", 40)) + "1" + new string('}', 40);
        var operation = await _desk.Started(x => x with { Context = deep, DisplayName = "with\0nothing" + new string('x', 1_000) });
        var shown = await _desk.Get(operation.OperationId);
        shown.IsNull("context").ShouldBeTrue();
        shown.Text("displayName").ShouldStartWith("withnothing");
    }
}
