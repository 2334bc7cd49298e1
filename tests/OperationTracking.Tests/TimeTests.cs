namespace OpsPlatform.OperationTracking.Tests;

public sealed class TimeTests(OperationsFixture service)
{
    private readonly Desk _desk = service.Desk();

    [Fact]
    public async Task Time_is_booked_to_what_it_went_by_and_adds_up_to_the_millisecond()
    {
        var operation = await _desk.Started();
        var id = operation.OperationId;
        await _desk.Say(_desk.Report(id, 1, 1, 10, x => x with { StartedAt = _desk.At(2.001) }));
        await _desk.RowShows(id, "status = 'in_progress'");
        await _desk.Say(_desk.Report(id, 1, 2, 20, x => x with { At = _desk.At(5.5), RetryAt = _desk.At(6), Error = "gone" }));
        await _desk.RowShows(id, "status = 'queued'");
        await _desk.Say(_desk.Report(id, 2, 1, 5, x => x with { StartedAt = _desk.At(6.75) }));
        await _desk.RowShows(id, "status = 'in_progress' AND attempt = 2");
        await _desk.Say(_desk.End(operation, "failed", change: x => x with { EndedAt = _desk.At(9.123) }));
        var over = await _desk.Shows(id, x => x.Text("status") == "failed");
        Time(over).ShouldBe((2.001, 1.25, 3.499 + 2.373));
        over.GetProperty("completedAt").GetDateTimeOffset().ShouldBe(_desk.At(9.123));
        (await _desk.Sql<long>($"SELECT queue_ms + retry_ms + work_ms FROM operations WHERE id = '{id}'")).ShouldBe(9_123);
    }

    [Fact]
    public async Task What_holds_a_worker_up_has_its_own_time_and_is_seen_at_once()
    {
        var (operation, other) = (await _desk.Running(), Guid.NewGuid());
        var id = operation.OperationId;
        await _desk.Say(_desk.Report(id, 1, 2, 20, x => x with { At = _desk.At(3), Cause = "lock", BlockedBy = other }));
        (await _desk.Shows(id, x => !x.IsNull("blockedBy"))).Text("blockedBy").ShouldBe(other.ToString());
        await _desk.RowShows(id, $"status = 'in_progress' AND cause = 'lock' AND blocked_by = '{other}'");
        await _desk.Say(_desk.Report(id, 1, 3, 20, x => x with { At = _desk.At(5.5), Cause = "rate_limit" }));
        await _desk.RowShows(id, "cause = 'rate_limit' AND blocked_by IS NULL");
        await _desk.Say(_desk.Report(id, 1, 4, 20, x => x with { At = _desk.At(6), Cause = "external" }));
        (await _desk.Shows(id, x => x.Text("status") == "waiting_external")).GetProperty("time").Number("rateLimit").ShouldBe(0.5);
        await _desk.RowShows(id, "status = 'waiting_external'");
        await _desk.Say(_desk.Report(id, 1, 5, 20, x => x with { At = _desk.At(10), Cause = "nonsense" }));
        await _desk.RowShows(id, "status = 'in_progress' AND cause = 'work'");
        await _desk.Say(_desk.End(operation, change: x => x with { EndedAt = _desk.At(12) }));
        var time = (await _desk.Shows(id, x => x.Text("status") == "completed")).GetProperty("time");
        (time.Number("queue"), time.Number("lock"), time.Number("rateLimit"), time.Number("external"), time.Number("work")).ShouldBe((2, 2.5, 0.5, 4, 3));
    }

    [Fact]
    public async Task What_runs_is_counted_up_to_now_also_by_what_was_only_heard_so_far()
    {
        var operation = await _desk.Started();
        var queued = Time(await _desk.Get(operation.OperationId));
        queued.Queue.ShouldBeGreaterThan(19);
        await _desk.Say(_desk.Report(operation.OperationId, 1, 1, 10, x => x with { StartedAt = _desk.At(3) }));
        var running = Time(await _desk.Shows(operation.OperationId, x => x.Text("status") == "in_progress"));
        running.Queue.ShouldBe(3);
        running.Work.ShouldBeGreaterThan(16);
        await _desk.RowShows(operation.OperationId, "status = 'in_progress'");
        Time(await _desk.Get(operation.OperationId)).Queue.ShouldBe(3);
    }

    [Fact]
    public async Task Clocks_that_differ_book_no_time_twice_and_none_below_zero()
    {
        var operation = await _desk.Started();
        var id = operation.OperationId;
        await _desk.Say(_desk.Report(id, 1, 1, 10, x => x with { StartedAt = _desk.At(-5) }));
        await _desk.RowShows(id, "status = 'in_progress'");
        await _desk.Say(_desk.End(operation, change: x => x with { EndedAt = _desk.At(-3) }));
        var over = await _desk.Shows(id, x => x.Text("status") == "completed");
        Time(over).ShouldBe((0, 0, 0));
        over.GetProperty("completedAt").GetDateTimeOffset().ShouldBe(_desk.At(0));
    }

    [Fact]
    public async Task Stopping_is_work()
    {
        var operation = await _desk.Started();
        await _desk.Cancel(operation.OperationId);
        await _desk.Say(_desk.End(operation, "cancelled", change: x => x with { EndedAt = DateTimeOffset.UtcNow.AddSeconds(30) }));
        var over = Time(await _desk.Shows(operation.OperationId, x => x.Text("status") == "cancelled"));
        over.Queue.ShouldBeGreaterThan(19);
        over.Work.ShouldBeInRange(25, 31);
        over.Retry.ShouldBe(0);
    }

    private static (double Queue, double Retry, double Work) Time(System.Text.Json.JsonElement shown)
    {
        var time = shown.GetProperty("time");
        return (time.Number("queue"), time.Number("retry"), Math.Round(time.Number("work"), 3));
    }
}
