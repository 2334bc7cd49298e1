using System.Net;
using System.Text.Json;
using OpsPlatform.Contracts;

namespace OpsPlatform.OperationTracking.Tests;

/// <summary>What a cancel would leave behind, what an operation has done when it has ended, and when a cancel comes too late.</summary>
public sealed class CancelEffectsTests(OperationsFixture service)
{
    private static readonly OperationStep[] Steps = [new("Read"), new("Book", 2, "compensating"), new("Send", 1, "final")];
    private static readonly OperationEffect Letters = new("letters sent", 3, "/letters");
    private static readonly OperationEffect Places = new("places booked", 5, IsTakenBack: true);

    private readonly Desk _desk = service.Desk();

    [Fact]
    public async Task Before_a_cancel_it_is_told_what_it_would_leave_and_take_back_and_when_it_would_be_done()
    {
        var operation = await _desk.Started(x => x with { Steps = Steps });
        var before = await Preview(operation.OperationId);
        (before.GetProperty("mayCancel").GetBoolean(), before.Text("takesEffect"), before.Text("stepKind")).ShouldBe((true, "at_once", "cancellable"));
        before.IsNull("step").ShouldBeTrue();

        await At(operation, 1, sequence: 1, Letters);
        var first = await Preview(operation.OperationId);
        (first.Text("step"), first.Text("takesEffect"), first.Text("stepKind")).ShouldBe(("Read", "after_batch", "cancellable"));
        Effects(first, "wouldLeave").ShouldBe([Letters]);
        Effects(first, "wouldTakeBack").ShouldBeEmpty();

        await At(operation, 2, sequence: 2, Letters, Places);
        var second = await Preview(operation.OperationId);
        (second.GetProperty("mayCancel").GetBoolean(), second.Text("takesEffect"), second.Text("stepKind")).ShouldBe((true, "after_taking_back", "compensating"));
        Effects(second, "wouldLeave").ShouldBe([Letters]);
        Effects(second, "wouldTakeBack").ShouldBe([Places]);

        await _desk.Cancel(operation.OperationId);
        (await Preview(operation.OperationId)).Text("why").ShouldBe("It is being cancelled already.");
        await _desk.Say(_desk.End(operation, "cancelled", Report(operation, 2, 3, Letters)));
        var ended = await _desk.Shows(operation.OperationId, x => x.Text("status") == "cancelled");
        Effects(ended).ShouldBe([Letters]);
        var after = await Preview(operation.OperationId);
        (after.GetProperty("mayCancel").GetBoolean(), after.Text("why"), after.Text("takesEffect")).ShouldBe((false, "It has ended.", "never"));
    }

    [Fact]
    public async Task Past_the_point_of_no_return_nothing_is_cancelled_also_between_two_attempts()
    {
        var heard = await service.Broker.Listen<OperationCancelled>();
        var operation = await _desk.Started(x => x with { Steps = Steps });
        var id = operation.OperationId;
        await At(operation, 3, sequence: 1, Letters);
        (await Preview(id)).Text("why").ShouldBe("It is past the point of no return: what has begun is done to its end.");
        var (status, problem) = await _desk.Cancel(id);
        (status, problem.Problem()).ShouldBe((HttpStatusCode.Conflict, "past-point-of-no-return"));
        problem.GetProperty("operation").Text("status").ShouldBe("in_progress");

        await _desk.Say(Report(operation, 3, 2) with { RetryAt = DateTimeOffset.UtcNow.AddSeconds(60), Error = "The post office is closed." });
        await _desk.RowShows(id, "status = 'queued' AND current_step = 3");
        (await _desk.Cancel(id)).Body.Problem().ShouldBe("past-point-of-no-return");
        var many = await _desk.Done("/operations/bulk", new { action = "cancel", ids = new[] { id } });
        var bulk = many.GetProperty("operationId").GetGuid();
        await _desk.Shows(bulk, x => x.Text("status") == "completed");
        (await _desk.Get($"/operations/{bulk}/bulk")).GetProperty("items")[0].Text("outcome").ShouldBe("skipped");

        var other = (await _desk.Running()).OperationId;
        await _desk.Cancel(other);
        (await heard.Next(_desk.Org)).Message.OperationId.ShouldBe(other);
    }

    [Fact]
    public async Task A_cancel_that_reached_the_worker_too_late_is_told_as_the_reason_why_it_was_completed()
    {
        var operation = await _desk.Running(x => x with { Steps = Steps });
        await _desk.Cancel(operation.OperationId);
        await _desk.Say(_desk.End(operation, "completed", Report(operation, 3, 9, Letters), x => x with { Error = "It was past the point of no return." }));
        var ended = await _desk.Shows(operation.OperationId, x => x.Text("status") == "completed");
        ended.IsNull("errorMessage").ShouldBeTrue();
        Effects(ended).ShouldBe([Letters]);
        var entries = (await _desk.Get($"/operations/{operation.OperationId}/timeline")).GetProperty("items").EnumerateArray().ToArray();
        entries.Select(x => x.Text("event")).ShouldBe(["started", "attempt_began", "cancel_asked", "completed"]);
        entries[^1].Text("reason").ShouldBe("It was past the point of no return.");
        using var admin = _desk.Client("admin");
        (await _desk.Get("/operations/audit", client: admin)).GetProperty("isIntact").GetBoolean().ShouldBeTrue();
    }

    [Fact]
    public async Task The_latest_effects_stay_until_others_are_told_of_and_after_the_end()
    {
        var operation = await _desk.Running();
        var id = operation.OperationId;
        await At(operation, 1, sequence: 5, Letters);
        await _desk.Say(Report(operation, 1, 4, new OperationEffect("old news", 1)));
        await _desk.Say(Report(operation, 1, 6) with { Percent = 21 });
        // From memory, and then from the row.
        Effects(await _desk.Shows(id, x => x.Number("progressPercentage") == 21)).ShouldBe([Letters]);
        await _desk.RowShows(id, "sequence = 6");
        Effects(await _desk.Get(id)).ShouldBe([Letters]);
        await _desk.Say(Report(operation, 2, 1) with { Attempt = 2 });
        await _desk.RowShows(id, "attempt = 2");
        Effects(await _desk.Get(id)).ShouldBe([Letters]);
        await _desk.Say(_desk.End(operation, "failed", Report(operation, 2, 2, Letters with { Count = 4 }) with { Attempt = 2 }));
        await _desk.RowShows(id, "status = 'failed'");
        Effects(await _desk.Get(id)).ShouldBe([Letters with { Count = 4 }]);

        var unknown = _desk.Operation();
        await _desk.Say(_desk.End(unknown, "failed", Report(unknown, 1, 1, Letters)));
        Effects(await _desk.Shows(unknown.OperationId, x => x.Text("status") == "failed")).ShouldBe([Letters]);
    }

    [Fact]
    public async Task What_a_worker_tells_wrongly_is_left_out_and_holds_nobody_up()
    {
        var operation = await _desk.Running(x => x with { Steps = [new("Read", 1, "for ever"), new("Write")] });
        await At(
            operation, 1, sequence: 5, null!, new(null!, 1), new("none", 0), new("less", -1), new("link", 1, "javascript:alert(1)"), new("host", 1, "//evil.example"), new(new string('x', 500) + "\0", 1), Letters);
        var effects = Effects(await _desk.Get(operation.OperationId));
        effects.Select(x => (x.What.Length, x.Href)).ShouldBe([(4, null), (4, null), (200, null), (12, "/letters")]);
        (await Preview(operation.OperationId)).Text("stepKind").ShouldBe("cancellable");
        await _desk.RowShows(operation.OperationId, "jsonb_array_length(effects) = 4");
        await At(operation, 1, sequence: 6, [.. Enumerable.Range(1, 30).Select(n => new OperationEffect($"kind {n}", n))]);
        Effects(await _desk.Get(operation.OperationId)).Length.ShouldBe(20);
    }

    [Fact]
    public async Task A_posted_operation_says_the_same_of_itself()
    {
        object[] steps = [new { name = "Count" }, new { name = "Send", cancel = "final" }];
        var (id, fence) = await _desk.Begun(("steps", steps));
        await _desk.Done($"/operations/{id}/reports", new { fence, effects = new[] { new { what = "shelves counted", count = 4, href = "https://shop.example/shelves" } } });
        Effects(await Preview(id), "wouldLeave").ShouldBe([new("shelves counted", 4, "https://shop.example/shelves")]);
        await _desk.Done($"/operations/{id}/reports", new { fence, step = 2 });
        (await _desk.Cancel(id)).Body.Problem().ShouldBe("past-point-of-no-return");

        // The cancel comes first: what its caller does all the same is done to its end.
        var (late, lateFence) = await _desk.Begun(("steps", steps));
        (await _desk.Cancel(late)).Status.ShouldBe(HttpStatusCode.Accepted);
        var ended = await _desk.Done($"/operations/{late}/end", new { fence = lateFence, outcome = "completed", last = new { fence = lateFence, step = 2, effects = new[] { new { what = "letters sent", count = 3 } } } });
        ended.Text("status").ShouldBe("completed");
        Effects(ended).ShouldBe([new("letters sent", 3)]);
        (await _desk.Get($"/operations/{late}/timeline")).GetProperty("items").EnumerateArray().Last().Text("reason").ShouldStartWith("It is past the point of no return");
    }

    [Theory]
    [InlineData("""{"what":"","count":1}""")]
    [InlineData("""{"what":"x","count":0}""")]
    [InlineData("""{"what":"x","count":-1}""")]
    [InlineData("""{"what":"x"}""")]
    [InlineData("""{"what":"x","count":1,"href":"javascript:alert(1)"}""")]
    [InlineData("""{"what":"x","count":1,"href":"//evil.example"}""")]
    [InlineData("null")]
    public async Task Effects_that_do_not_fit_are_refused(string effect)
    {
        var (id, fence) = await _desk.Begun();
        using var body = new StringContent($$"""{"fence":{{fence}},"effects":[{{effect}}]}""", null, "application/json");
        (await _desk.Send($"/operations/{id}/reports", body)).Status.ShouldBe(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task A_step_that_is_cancelled_in_no_known_way_is_refused_with_its_place()
    {
        var (status, problem, _) = await _desk.Send("/operations", Posting.Asked(("steps", new[] { new { name = "Count", cancel = "never" } })));
        status.ShouldBe(HttpStatusCode.BadRequest);
        problem.GetProperty("errors").TryGetProperty("steps[0].cancel", out _).ShouldBeTrue(problem.ToString());
    }

    [Fact]
    public async Task What_a_cancel_would_do_is_told_to_who_may_cancel_it()
    {
        var id = (await _desk.Running()).OperationId;
        using var colleague = _desk.Client("staff", Guid.NewGuid());
        (await _desk.Get($"/operations/{id}/cancel", HttpStatusCode.Forbidden, colleague)).Problem().ShouldBe("not-yours");
        using var stranger = service.Client(Guid.NewGuid(), "owner", _desk.User);
        await _desk.Get($"/operations/{id}/cancel", HttpStatusCode.NotFound, stranger);
        using var admin = _desk.Client("admin", Guid.NewGuid());
        (await _desk.Get($"/operations/{id}/cancel", client: admin)).GetProperty("mayCancel").GetBoolean().ShouldBeTrue();
    }

    private Task<JsonElement> Preview(Guid id) => _desk.Get($"/operations/{id}/cancel");

    private static OperationEffect[] Effects(JsonElement json, string name = "effects") =>
        json.GetProperty(name).Deserialize<OperationEffect[]>(JsonSerializerOptions.Web)!;

    private OperationReported Report(OperationStarted operation, int step, long sequence, params OperationEffect[] effects) =>
        _desk.Report(operation.OperationId, 1, sequence, 20, x => x with { Step = step, Effects = effects.Length == 0 ? null : effects });

    /// <summary>The worker has told that it is at that step.</summary>
    private async Task At(OperationStarted operation, int step, long sequence, params OperationEffect[] effects)
    {
        await _desk.Say(Report(operation, step, sequence, effects));
        await _desk.RowShows(operation.OperationId, $"status = 'in_progress' AND sequence = {sequence}");
    }
}
