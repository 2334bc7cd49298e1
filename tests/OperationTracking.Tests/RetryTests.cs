using System.Net;
using OpsPlatform.Contracts;

namespace OpsPlatform.OperationTracking.Tests;

public sealed class RetryTests(OperationsFixture service)
{
    private readonly Desk _desk = service.Desk();

    [Fact]
    public async Task What_failed_is_queued_again_with_as_many_attempts_and_its_service_is_told()
    {
        var heard = await service.Broker.Listen<OperationRetried>();
        var operation = await _desk.Ended("failed");
        var id = operation.OperationId;
        var (status, body, answer) = await _desk.Send($"/operations/{id}/retry", new { });
        status.ShouldBe(HttpStatusCode.Accepted);
        answer.Headers.GetValues("Operation-Location").ShouldBe([$"/operations/{id}/status"]);
        body.Text("status").ShouldBe("queued");
        body.Number("maxAttempts").ShouldBe(4);
        body.IsNull("completedAt").ShouldBeTrue();
        (await heard.Next(_desk.Org)).Message.ShouldBe(new OperationRetried(id, "orders", _desk.User.ToString()));

        await _desk.Say(_desk.Report(id, 2, 1, 20));
        await _desk.Shows(id, x => x.Text("status") == "in_progress");
        await _desk.Say(_desk.End(operation, "failed", _desk.Report(id, 2, 2, 30)));
        await _desk.Shows(id, x => x.Text("status") == "failed");
        (await _desk.Done($"/operations/{id}/retry", new { })).Number("maxAttempts").ShouldBe(5);
        await _desk.Say(_desk.End(operation, last: _desk.Report(id, 3, 1, 100)));
        await _desk.Shows(id, x => x.Text("status") == "completed");
        (await _desk.Story(id)).ShouldBe(
            ["started", "attempt_began", "failed", "retry_asked", "attempt_began", "failed", "retry_asked", "attempt_began", "completed"]);
        using var admin = _desk.Client("admin");
        (await _desk.Get("/operations/audit", client: admin)).GetProperty("isIntact").GetBoolean().ShouldBeTrue();
    }

    [Fact]
    public async Task What_is_still_told_of_the_attempt_that_failed_does_not_disturb_the_next()
    {
        var operation = await _desk.Ended("failed");
        var id = operation.OperationId;
        await _desk.Done($"/operations/{id}/retry", new { });
        await _desk.Say(_desk.Report(id, 1, 99, 77));
        await _desk.Say(_desk.Report(id, 1, 100, 78, x => x with { RetryAt = DateTimeOffset.UtcNow, Error = "late" }));
        await _desk.Say(_desk.End(operation, "failed", _desk.Report(id, 1, 101, 79)));
        await _desk.EverythingIsHeard();
        var queued = await _desk.Get(id);
        queued.Text("status").ShouldBe("queued");
        queued.Number("progressPercentage").ShouldBe(50);
        queued.IsNull("retryAt").ShouldBeTrue();

        await _desk.Say(_desk.Report(id, 2, 1, 5));
        await _desk.RowShows(id, "status = 'in_progress' AND attempt = 2");
        await _desk.Say(_desk.End(operation, "failed", _desk.Report(id, 1, 102, 79)));
        await _desk.EverythingIsHeard();
        (await _desk.Get(id)).Text("version").ShouldBe("2.1.in_progress");
        (await _desk.Story(id)).ShouldBe(["started", "attempt_began", "failed", "retry_asked", "attempt_began"]);
    }

    [Fact]
    public async Task A_service_may_say_that_it_cannot_be_tried_again()
    {
        var operation = await _desk.Ended("failed");
        await _desk.Done($"/operations/{operation.OperationId}/retry", new { });
        await _desk.Say(_desk.End(operation, "failed", change: x => x with { Error = "The file is gone." }));
        (await _desk.Shows(operation.OperationId, x => x.Text("status") == "failed")).Text("errorMessage").ShouldBe("The file is gone.");
    }

    [Fact]
    public async Task Who_follows_it_after_the_end_sees_the_next_attempt_too()
    {
        var operation = await _desk.Ended("failed");
        var id = operation.OperationId;
        var over = await _desk.Get($"/operations/{id}/wait");
        var waiting = _desk.Get($"/operations/{id}/wait?seconds=55&version={over.Text("version")}1");
        (await waiting).Text("status").ShouldBe("failed");
        await _desk.Done($"/operations/{id}/retry", new { });
        waiting = _desk.Get($"/operations/{id}/wait?seconds=55");
        await _desk.Say(_desk.End(operation, last: _desk.Report(id, 2, 1, 100)));
        (await waiting).Text("status").ShouldBe("completed");
    }

    [Fact]
    public async Task What_was_posted_is_to_be_begun_again_and_no_service_is_told()
    {
        var heard = await service.Broker.Listen<OperationRetried>();
        var (id, fence) = await _desk.Begun(("maxAttempts", 2));
        await _desk.Done($"/operations/{id}/end", new { fence, outcome = "failed", error = "No." });
        (await _desk.Done($"/operations/{id}/retry", new { })).Number("maxAttempts").ShouldBe(3);
        (await _desk.Refused($"/operations/{id}/reports", new { fence }, HttpStatusCode.Conflict)).ShouldBe("lease-lost");
        (await _desk.Refused($"/operations/{id}/end", new { fence, outcome = "completed" }, HttpStatusCode.Conflict)).ShouldBe("lease-lost");
        fence = await _desk.Begin(id);
        fence.ShouldBe(2);
        await _desk.Done($"/operations/{id}/reports", new { fence, done = 1, total = 2 });
        (await _desk.Get(id)).Number("progressPercentage").ShouldBe(50);
        await _desk.Done($"/operations/{id}/end", new { fence, outcome = "completed" });

        var services = await _desk.Ended("failed");
        await _desk.Done($"/operations/{services.OperationId}/retry", new { });
        (await heard.Next(_desk.Org)).Message.OperationId.ShouldBe(services.OperationId);
    }

    [Fact]
    public async Task Asked_many_times_at_once_it_is_queued_once()
    {
        var id = (await _desk.Ended("failed")).OperationId;
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => _desk.Send($"/operations/{id}/retry", new { })));
        answers.Count(x => x.Status == HttpStatusCode.Accepted).ShouldBe(1);
        answers.Where(x => x.Status != HttpStatusCode.Accepted).ShouldAllBe(x => x.Body.Problem() == "not-retryable");
        (await _desk.Story(id)).ShouldBe(["started", "attempt_began", "failed", "retry_asked"]);
    }

    [Theory]
    [InlineData("completed")]
    [InlineData("cancelled")]
    public async Task What_did_not_fail_is_not_tried_again(string outcome)
    {
        var operation = await _desk.Ended(outcome);
        (await _desk.Refused($"/operations/{operation.OperationId}/retry", new { }, HttpStatusCode.Conflict)).ShouldBe("not-retryable");
        var running = await _desk.Running();
        (await _desk.Refused($"/operations/{running.OperationId}/retry", new { }, HttpStatusCode.Conflict)).ShouldBe("not-retryable");
    }

    [Fact]
    public async Task With_the_same_key_it_is_answered_the_same()
    {
        var id = (await _desk.Ended("failed")).OperationId;
        var first = await _desk.Send($"/operations/{id}/retry", new { }, key: "retry-1");
        var second = await _desk.Send($"/operations/{id}/retry", new { }, key: "retry-1");
        second.Status.ShouldBe(HttpStatusCode.Accepted);
        second.Body.ToString().ShouldBe(first.Body.ToString());
    }
}
