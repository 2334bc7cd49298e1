using System.Net;
using System.Text.Json;
using OpsPlatform.Contracts;

namespace OpsPlatform.OperationTracking.Tests;

public sealed class CallerWorkTests(OperationsFixture service)
{
    private readonly Desk _desk = service.Desk();

    [Fact]
    public async Task It_is_begun_reported_and_ended_by_who_posted_it()
    {
        var (id, fence) = await _desk.Begun(("steps", new[] { new { name = "Count", weight = 3 }, new { name = "Sum", weight = 1 } }));
        var begun = await _desk.Get(id);
        begun.Text("status").ShouldBe("in_progress");
        begun.Text("stepDescription").ShouldBe("Count");
        var told = await _desk.Done($"/operations/{id}/reports", new { fence, step = 2, done = 2, total = 8, failed = 1, skipped = 1, bytes = 77, message = "Half way" });
        told.GetProperty("isCancelling").GetBoolean().ShouldBeFalse();
        var shown = await _desk.Get(id);
        shown.Number("progressPercentage").ShouldBe(87.5);
        shown.Text("stepDescription").ShouldBe("Sum");
        shown.Text("message").ShouldBe("Half way");
        shown.GetProperty("counters").Number("failed").ShouldBe(1);

        var ended = await _desk.Done($"/operations/{id}/end", new { fence, outcome = "completed", result = new { href = "/counts/1" } });
        ended.Text("status").ShouldBe("completed");
        ended.Number("progressPercentage").ShouldBe(100);
        ended.GetProperty("result").Text("href").ShouldBe("/counts/1");
        ended.GetProperty("counters").Number("bytes").ShouldBe(77);
        (await _desk.Story(id)).ShouldBe(["started", "attempt_began", "completed"]);
        (await _desk.Get($"/operations/{id}/timeline")).GetProperty("items").EnumerateArray().Select(x => x.Text("actor")).ShouldAllBe(x => x == _desk.User.ToString());
        using var admin = _desk.Client("admin");
        (await _desk.Get("/operations/audit", client: admin)).GetProperty("isIntact").GetBoolean().ShouldBeTrue();
    }

    [Fact]
    public async Task The_end_may_say_how_far_it_came_and_why_it_failed()
    {
        var (id, fence) = await _desk.Begun();
        var ended = await _desk.Done($"/operations/{id}/end", new { fence, outcome = "failed", error = "The shop is closed.", last = new { fence, done = 3, total = 10, metadata = new { shelf = 4 } } });
        ended.Text("status").ShouldBe("failed");
        ended.Text("errorMessage").ShouldBe("The shop is closed.");
        ended.Number("progressPercentage").ShouldBe(30);
        ended.GetProperty("counters").Number("done").ShouldBe(3);
        (await _desk.Get($"/operations/{id}/metadata")).Number("shelf").ShouldBe(4);
    }

    [Fact]
    public async Task What_reports_say_of_the_time_is_booked()
    {
        var (id, fence) = await _desk.Begun();
        await _desk.Done($"/operations/{id}/reports", new { fence, done = 1, cause = "external" });
        (await _desk.Get(id)).Text("status").ShouldBe("waiting_external");
        await _desk.RowShows(id, "status = 'waiting_external'");
        var other = Guid.NewGuid();
        await _desk.Done($"/operations/{id}/reports", new { fence, done = 2, cause = "lock", blockedBy = other });
        (await _desk.Get(id)).Text("blockedBy").ShouldBe(other.ToString());
        (await _desk.Done($"/operations/{id}/end", new { fence, outcome = "completed" })).Text("status").ShouldBe("completed");
    }

    [Fact]
    public async Task Of_two_who_begin_at_once_one_does()
    {
        var id = await _desk.Post();
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => _desk.Send($"/operations/{id}/begin", new { })));
        answers.Count(x => x.Status == HttpStatusCode.OK).ShouldBe(1);
        answers.Where(x => x.Status != HttpStatusCode.OK).ShouldAllBe(x => x.Body.Problem() == "lease-held");
        (await _desk.Get(id)).Number("attempt").ShouldBe(1);
        (await _desk.Story(id)).ShouldBe(["started", "attempt_began"]);
    }

    [Fact]
    public async Task Of_two_ends_at_once_one_counts()
    {
        var (id, fence) = await _desk.Begun();
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => _desk.Send($"/operations/{id}/end", new { fence, outcome = "completed" })));
        answers.Count(x => x.Status == HttpStatusCode.OK).ShouldBe(1);
        answers.Where(x => x.Status != HttpStatusCode.OK).ShouldAllBe(x => x.Body.Problem() == "lease-lost");
        (await _desk.Story(id)).ShouldBe(["started", "attempt_began", "completed"]);
    }

    [Fact]
    public async Task Taken_over_by_force_the_earlier_attempt_reports_and_ends_nothing_any_more()
    {
        var (id, fence) = await _desk.Begun();
        await _desk.Done($"/operations/{id}/reports", new { fence, done = 90, total = 100 });
        var next = await _desk.Begin(id, force: true);
        next.ShouldBeGreaterThan(fence);
        (await _desk.Refused($"/operations/{id}/reports", new { fence, done = 91, total = 100 }, HttpStatusCode.Conflict)).ShouldBe("lease-lost");
        (await _desk.Refused($"/operations/{id}/end", new { fence, outcome = "completed" }, HttpStatusCode.Conflict)).ShouldBe("lease-lost");
        await _desk.Done($"/operations/{id}/reports", new { fence = next, done = 5, total = 100 });
        var shown = await _desk.Get(id);
        shown.Text("status").ShouldBe("in_progress");
        shown.Number("progressPercentage").ShouldBe(5);
        (await _desk.Story(id)).ShouldBe(["started", "attempt_began", "attempt_began"]);
    }

    [Fact]
    public async Task An_admin_may_work_on_it_and_nobody_takes_it_over_by_force_from_them()
    {
        var id = await _desk.Post();
        using var admin = _desk.Client("admin", Guid.NewGuid());
        var fence = await _desk.Begin(id, client: admin);
        (await _desk.Refused($"/operations/{id}/begin", new { force = true }, HttpStatusCode.Conflict)).ShouldBe("lease-held");
        (await _desk.Done($"/operations/{id}/end", new { fence, outcome = "completed" }, admin)).Text("status").ShouldBe("completed");
    }

    [Theory]
    [InlineData("begin", "{}")]
    [InlineData("reports", """{"fence":1}""")]
    [InlineData("end", """{"fence":1,"outcome":"completed"}""")]
    [InlineData("retry", "{}")]
    public async Task Another_member_is_refused_another_organisation_finds_nothing_and_what_a_service_works_on_is_not_the_callers(string what, string json)
    {
        var (id, _) = await _desk.Begun();
        var body = JsonElement.Parse(json);
        using var colleague = _desk.Client("staff", Guid.NewGuid());
        (await _desk.Refused($"/operations/{id}/{what}", body, HttpStatusCode.Forbidden, colleague)).ShouldBe("not-yours");
        using var stranger = service.Client(Guid.NewGuid(), "owner", _desk.User);
        (await _desk.Refused($"/operations/{id}/{what}", body, HttpStatusCode.NotFound, stranger)).ShouldBe("not-found");
        if (what != "retry")
        {
            var services = await _desk.Running();
            (await _desk.Refused($"/operations/{services.OperationId}/{what}", body, HttpStatusCode.Conflict)).ShouldBe("not-posted");
        }

        (await _desk.Get(id)).Text("version").ShouldBe("1.0.in_progress");
    }

    [Theory]
    [InlineData("reports", """{}""")]
    [InlineData("reports", """{"fence":0}""")]
    [InlineData("reports", """{"fence":1,"step":2}""")]
    [InlineData("reports", """{"fence":1,"step":0}""")]
    [InlineData("reports", """{"fence":1,"done":-1}""")]
    [InlineData("reports", """{"fence":1,"done":1e30}""")]
    [InlineData("reports", """{"fence":1,"cause":"boredom"}""")]
    [InlineData("reports", """{"fence":1,"message":"a\u0000"}""")]
    [InlineData("end", """{"fence":1,"outcome":"cancelled"}""")]
    [InlineData("end", """{"fence":1,"outcome":"failed"}""")]
    [InlineData("end", """{"fence":1,"outcome":"completed","error":"none"}""")]
    [InlineData("end", """{"fence":1,"outcome":"completed","result":[]}""")]
    [InlineData("end", """{"fence":1,"outcome":"completed","result":{"a":"\u0000"}}""")]
    [InlineData("end", """{"fence":1,"outcome":"completed","last":{"fence":1,"step":2}}""")]
    [InlineData("end", """{"fence":1,"outcome":"completed","last":{"fence":2}}""")]
    [InlineData("begin", """{"force":1}""")]
    public async Task What_makes_no_sense_is_refused_and_changes_nothing(string what, string json)
    {
        var (id, _) = await _desk.Begun();
        (await _desk.Send($"/operations/{id}/{what}", JsonElement.Parse(json))).Status.ShouldBe(HttpStatusCode.BadRequest);
        (await _desk.Get(id)).Text("version").ShouldBe("1.0.in_progress");
    }

    [Fact]
    public async Task Counts_as_large_as_they_get_are_a_share_of_the_whole()
    {
        var (id, fence) = await _desk.Begun();
        await _desk.Done($"/operations/{id}/reports", new { fence, done = long.MaxValue, failed = long.MaxValue, total = long.MaxValue });
        (await _desk.Get(id)).Number("progressPercentage").ShouldBe(100);
        await _desk.RowShows(id, "progress_percentage = 100");
    }

    [Fact]
    public async Task Hundreds_of_reports_are_a_handful_of_writes_and_the_last_one_arrives()
    {
        var (id, fence) = await _desk.Begun();
        using var client = _desk.Client();
        var (writes, seconds) = await _desk.Writes("operations", "id", id, async () =>
        {
            for (var done = 1; done <= 400; done++)
            {
                await _desk.Done($"/operations/{id}/reports", new { fence, done, total = 400 }, client);
            }

            (await _desk.Get(id)).GetProperty("counters").Number("done").ShouldBe(400);
            await _desk.RowShows(id, "done = 400");
        });
        writes.ShouldBeInRange(1, (long)seconds + 2);
    }

    [Fact]
    public async Task Not_begun_it_is_cancelled_at_once()
    {
        var heard = await service.Broker.Listen<OperationCancelled>();
        var id = await _desk.Post();
        var (status, body) = await _desk.Cancel(id, "Not needed.");
        status.ShouldBe(HttpStatusCode.Accepted);
        body.Text("status").ShouldBe("cancelled");
        body.Text("cancelReason").ShouldBe("Not needed.");
        (await _desk.Refused($"/operations/{id}/begin", new { }, HttpStatusCode.Conflict)).ShouldBe("operation-over");
        (await _desk.Story(id)).ShouldBe(["started", "cancel_asked", "cancelled"]);

        // No service hears of it: the next cancel that one hears of is another's.
        var services = (await _desk.Running()).OperationId;
        await _desk.Cancel(services);
        (await heard.Next(_desk.Org)).Message.OperationId.ShouldBe(services);
    }

    [Fact]
    public async Task Begun_it_is_cancelling_until_its_worker_ends_it_which_learns_of_it_by_its_reports()
    {
        var (id, fence) = await _desk.Begun();
        (await _desk.Cancel(id)).Body.Text("status").ShouldBe("cancelling");
        (await _desk.Done($"/operations/{id}/reports", new { fence, done = 1 })).GetProperty("isCancelling").GetBoolean().ShouldBeTrue();
        var ended = await _desk.Done($"/operations/{id}/end", new { fence, outcome = "completed" });
        ended.Text("status").ShouldBe("cancelled");
        ended.Text("cancelledBy").ShouldBe(_desk.User.ToString());
        (await _desk.Story(id)).ShouldBe(["started", "attempt_began", "cancel_asked", "cancelled"]);
    }

    [Fact]
    public async Task With_the_same_key_it_is_begun_once_and_the_fence_is_answered_again()
    {
        var id = await _desk.Post();
        var first = await _desk.Send($"/operations/{id}/begin", new { }, key: "begin-1");
        var second = await _desk.Send($"/operations/{id}/begin", new { }, key: "begin-1");
        second.Status.ShouldBe(HttpStatusCode.OK);
        second.Body.ToString().ShouldBe(first.Body.ToString());
        (await _desk.Get(id)).Number("attempt").ShouldBe(1);
    }
}
