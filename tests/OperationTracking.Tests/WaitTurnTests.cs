using System.Text.Json;
using OpsPlatform.Contracts;

namespace OpsPlatform.OperationTracking.Tests;

/// <summary>What operations wait for until they are begun, as their services tell it.</summary>
public sealed class WaitTurnTests(OperationsFixture service)
{
    private readonly Desk _desk = service.Desk();
    private readonly Guid _other = Guid.NewGuid();

    [Fact]
    public async Task Who_waits_its_turn_is_queued_names_what_is_in_the_way_and_its_time_is_booked_to_that()
    {
        var operation = await _desk.Started();
        var id = operation.OperationId;
        var version = (await _desk.Get(id)).Text("version");
        var changed = _desk.Get($"/operations/{id}/wait?version={version}&seconds=20");
        await _desk.Say(Waits(id, 1, "lock", _other));
        (await changed).Text("blockedBy").ShouldBe(_other.ToString());
        await _desk.RowShows(id, $"status = 'queued' AND cause = 'lock' AND blocked_by = '{_other}' AND attempt = 0");
        // Said again, and of another one.
        await _desk.Say(Waits(id, 1, "lock", _other), Waits(id, 2, "lock", operation.OperationId));
        await _desk.RowShows(id, $"cause = 'lock' AND blocked_by = '{id}'");
        await _desk.Say(Waits(id, 4, "rate_limit"));
        (await _desk.Shows(id, x => x.IsNull("blockedBy"))).GetProperty("time").Number("lock").ShouldBe(3);
        await _desk.RowShows(id, "cause = 'rate_limit' AND blocked_by IS NULL");
        await _desk.Say(Waits(id, 5.5, "queue"));
        await _desk.RowShows(id, "cause = 'queue'");
        await _desk.Say(Waits(id, 6, "lock", _other));
        await _desk.Say(_desk.Report(id, 1, 1, 10, x => x with { StartedAt = _desk.At(8) }));
        var begun = await _desk.Shows(id, x => x.Text("status") == "in_progress");
        (begun.IsNull("blockedBy"), begun.Number("attempt")).ShouldBe((true, 1));
        await _desk.RowShows(id, "status = 'in_progress'");
        await _desk.Say(_desk.End(operation, change: x => x with { EndedAt = _desk.At(12) }));
        var over = await _desk.Shows(id, x => x.Text("status") == "completed");
        Time(over).ShouldBe((1.5, 5, 1.5, 0, 4));
        (await _desk.Story(id)).ShouldBe(["started", "attempt_began", "completed"]);

        using var admin = _desk.Client("admin");
        var counted = (await _desk.Get("/operations/statistics", client: admin)).GetProperty("items")[0].GetProperty("time");
        (counted.Number("queue"), counted.Number("lock"), counted.Number("rateLimit")).ShouldBe((1.5, 5, 1.5));
    }

    [Fact]
    public async Task It_may_be_heard_before_the_start_and_together_with_the_first_report()
    {
        var operation = _desk.Operation();
        await _desk.Say(Waits(operation.OperationId, 1, "lock", _other));
        await _desk.Say(operation);
        await _desk.RowShows(operation.OperationId, "cause = 'lock'");

        var hasty = await _desk.Started();
        await _desk.Say(Waits(hasty.OperationId, 1, "lock", _other), _desk.Report(hasty.OperationId, 1, 1, 10, x => x with { StartedAt = _desk.At(4) }));
        await _desk.RowShows(hasty.OperationId, "status = 'in_progress' AND queue_ms = 1000 AND lock_ms = 3000");
    }

    [Fact]
    public async Task What_has_begun_has_ended_or_waits_for_approval_is_left_as_it_is()
    {
        var (running, ended) = (await _desk.Running(), await _desk.Ended());
        foreach (var id in (Guid[])[running.OperationId, ended.OperationId])
        {
            await _desk.Say(Waits(id, 15, "lock", _other));
        }

        await _desk.EverythingIsHeard();
        await _desk.RowShows(running.OperationId, "status = 'in_progress' AND cause = 'work' AND blocked_by IS NULL AND sequence = 1 AND current_step = 1");
        await _desk.RowShows(ended.OperationId, "status = 'completed' AND lock_ms = 0");

        var board = service.Board();
        var ada = board.Member();
        var asked = (await board.Asked(Board.Managers())).OperationId;
        var before = (await board.Desk.Get(asked)).Text("version");
        await board.Desk.Say(Waits(asked, 15, "lock", _other));
        await board.Desk.EverythingIsHeard();
        await board.Desk.RowShows(asked, "status = 'waiting_for_approval' AND cause = 'approval' AND blocked_by IS NULL");
        (await board.Desk.Get(asked)).Text("version").ShouldBe(before);
        // Agreed to, it waits its turn like any other.
        await board.Votes(asked, ada);
        await board.Desk.Say(Waits(asked, 40, "lock", _other));
        (await board.Desk.Shows(asked, x => !x.IsNull("blockedBy"))).Text("status").ShouldBe("approved");
        await board.Desk.RowShows(asked, "status = 'approved' AND cause = 'lock' AND approval_ms > 15000");
        await board.Desk.Say(_desk.Report(asked, 1, 1, 10));
        await board.Desk.RowShows(asked, "status = 'in_progress' AND cause = 'work'");
    }

    [Fact]
    public async Task An_attempt_that_failed_may_wait_for_others_before_the_next_and_what_it_had_done_stays()
    {
        var operation = await _desk.Running(percent: 40);
        var id = operation.OperationId;
        await _desk.Say(_desk.Report(id, 1, 2, 50, x => x with { At = _desk.At(4), RetryAt = _desk.At(5), Error = "The disk is away.", Message = "half" }));
        await _desk.Say(Waits(id, 6, "lock", _other, attempt: 1));
        var waiting = await _desk.Shows(id, x => !x.IsNull("blockedBy"));
        (waiting.Text("status"), waiting.Text("errorMessage"), waiting.Number("progressPercentage"), waiting.Text("message")).ShouldBe(("queued", "The disk is away.", 50, "half"));
        await _desk.RowShows(id, "status = 'queued' AND cause = 'lock' AND message = 'half' AND progress_percentage = 50 AND current_step = 1");
        await _desk.Say(Waits(id, 7, "queue", attempt: 1));
        await _desk.RowShows(id, "cause = 'retry' AND blocked_by IS NULL");
        await _desk.Say(_desk.Report(id, 2, 1, 10, x => x with { StartedAt = _desk.At(9) }));
        await _desk.RowShows(id, "status = 'in_progress' AND attempt = 2");
        await _desk.Say(_desk.End(operation, change: x => x with { EndedAt = _desk.At(10) }));
        Time(await _desk.Shows(id, x => x.Text("status") == "completed")).ShouldBe((2, 1, 0, 4, 3));
        (await _desk.Story(id)).ShouldBe(["started", "attempt_began", "attempt_failed", "attempt_began", "completed"]);
    }

    [Fact]
    public async Task An_attempt_whose_worker_is_gone_is_over_when_it_waits_for_the_next()
    {
        var operation = await _desk.Running();
        var id = operation.OperationId;
        await _desk.Say(Waits(id, 6, "lock", _other, attempt: 1) with { Error = "Its worker ended without a word." });
        (await _desk.Shows(id, x => x.Text("status") == "queued")).Text("blockedBy").ShouldBe(_other.ToString());
        await _desk.RowShows(id, "status = 'queued' AND cause = 'lock' AND work_ms = 4000 AND done = 10");
        (await _desk.Get(id)).Text("errorMessage").ShouldBe("Its worker ended without a word.");
        (await _desk.Story(id)).ShouldBe(["started", "attempt_began", "attempt_failed"]);
    }

    [Fact]
    public async Task What_somebody_has_tried_again_may_wait_its_turn_too()
    {
        var operation = await _desk.Ended("failed");
        var id = operation.OperationId;
        await _desk.Done($"/operations/{id}/retry", new { });
        var version = (await _desk.Get(id)).Text("version");
        // Told before, and heard late.
        await _desk.Say(Waits(id, 1, "lock", _other, attempt: 1));
        await _desk.EverythingIsHeard();
        (await _desk.Get(id)).IsNull("blockedBy").ShouldBeTrue();
        await _desk.Say(Waits(id, 21, "lock", _other, attempt: 1) with { At = DateTimeOffset.UtcNow });
        (await _desk.Shows(id, x => !x.IsNull("blockedBy"))).Text("version").ShouldNotBe(version);
        await _desk.Say(_desk.Report(id, 2, 1, 10));
        (await _desk.Shows(id, x => x.Text("status") == "in_progress")).IsNull("blockedBy").ShouldBeTrue();
    }

    [Fact]
    public async Task Nothing_else_can_be_told_of_what_nobody_has_begun()
    {
        var id = (await _desk.Started()).OperationId;
        await _desk.Say(Waits(id, 1, "nonsense") with { Step = 7, Percent = 99, Error = "no", RetryAt = _desk.At(9), Metadata = """{"a":1}""", Effects = [new("things", 1)] });
        await _desk.EverythingIsHeard();
        var shown = await _desk.Get(id);
        (shown.Text("status"), shown.Number("progressPercentage"), shown.IsNull("errorMessage"), shown.IsNull("retryAt")).ShouldBe(("queued", 0, true, true));
        shown.GetProperty("effects").GetArrayLength().ShouldBe(0);
        await _desk.RowShows(id, "cause = 'queue' AND current_step = 0");
    }

    private OperationReported Waits(Guid id, double seconds, string cause, Guid? blockedBy = null, int attempt = 0)
    {
        var at = _desk.At(seconds);
        return new(id, attempt, at.ToUnixTimeMilliseconds(), at, at, at, 0, 0, Cause: cause, BlockedBy: blockedBy, RetryAt: attempt == 0 ? null : at);
    }

    private static (double Queue, double Lock, double RateLimit, double Retry, double Work) Time(JsonElement shown)
    {
        var time = shown.GetProperty("time");
        return (time.Number("queue"), time.Number("lock"), time.Number("rateLimit"), time.Number("retry"), time.Number("work"));
    }
}
