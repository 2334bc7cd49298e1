using System.Net;
using System.Text.Json;

namespace OpsPlatform.OperationTracking.Tests.Batches;

public sealed class BatchTests(OperationsFixture service)
{
    private readonly Desk _desk = service.Desk();

    [Fact]
    public async Task A_batch_is_as_far_as_its_children_by_their_weight_and_completes_with_the_last_once_it_is_closed()
    {
        var batch = await _desk.Batch();
        var waiting = await _desk.Get(batch);
        (waiting.Text("status"), waiting.Number("totalSteps")).ShouldBe(("queued", 0));
        waiting.IsNull("children").ShouldBeTrue();
        waiting.GetProperty("batch").ToString().ShouldBe("""{"expectedChildren":null,"isClosed":false}""");

        var heavy = await _desk.Begun(("parentId", batch), ("weight", 3));
        var light = await _desk.Post(("parentId", batch));
        await _desk.Done($"/operations/{heavy.Id}/reports", new { fence = heavy.Fence, done = 1, total = 2, bytes = 7 });
        var going = await _desk.Shows(batch, x => x.Number("progressPercentage") == 37.5);
        going.Text("status").ShouldBe("in_progress");
        going.GetProperty("children").ToString().ShouldBe("""{"total":2,"waiting":1,"inProgress":1,"completed":0,"failed":0,"cancelled":0}""");
        going.GetProperty("counters").ToString().ShouldBe("""{"done":0,"total":2,"failed":0,"skipped":0,"bytes":7}""");
        going.IsNull("lastHeardAt").ShouldBeTrue();

        await _desk.End(heavy);
        await _desk.End(light);
        await _desk.Shows(batch, x => x.Number("progressPercentage") == 100);
        (await _desk.Get(batch)).Text("status").ShouldBe("in_progress");
        (await _desk.Done($"/operations/{batch}/close", new { })).GetProperty("batch").GetProperty("isClosed").GetBoolean().ShouldBeTrue();
        var over = await _desk.Shows(batch, x => x.Text("status") == "completed");
        over.GetProperty("result").ToString().ShouldBe("""{"failed":0,"cancelled":0,"completed":2}""");
        (await _desk.Story(batch)).ShouldBe(["started", "attempt_began", "closed", "completed"]);
        await _desk.Done($"/operations/{batch}/close", new { });
        (await _desk.Story(batch)).Length.ShouldBe(4);
        await _desk.IsIntact();
    }

    [Fact]
    public async Task With_all_children_expected_it_ends_by_itself_and_says_how_many_failed()
    {
        var batch = await _desk.Batch(("expectedChildren", 3));
        await _desk.End(await _desk.Begun(("parentId", batch)), "failed");
        await _desk.Shows(batch, x => !x.IsNull("children") && x.GetProperty("children").Number("failed") == 1);
        var open = await _desk.Get(batch);
        (open.Text("status"), open.GetProperty("counters").Number("total"), open.Number("progressPercentage")).ShouldBe(("in_progress", 3, 0));
        await _desk.End(await _desk.Begun(("parentId", batch)));
        await _desk.Cancel(await _desk.Post(("parentId", batch)));
        var over = await _desk.Shows(batch, x => x.Text("status") == "failed");
        over.Text("errorMessage").ShouldBe("1 of 3 failed.");
        over.GetProperty("result").ToString().ShouldBe("""{"failed":1,"cancelled":1,"completed":1}""");
        over.GetProperty("counters").ToString().ShouldBe("""{"done":1,"total":3,"failed":1,"skipped":1,"bytes":null}""");
        (await _desk.Refused("/operations", Posting.Asked(("parentId", batch)), HttpStatusCode.Conflict)).ShouldBe("parent-closed");
    }

    [Fact]
    public async Task Who_waits_for_a_batch_is_told_of_its_progress_and_at_once_of_its_end()
    {
        var batch = await _desk.Batch(("expectedChildren", 1));
        var child = await _desk.Begun(("parentId", batch));
        var going = await _desk.Shows(batch, x => x.Text("status") == "in_progress");
        var next = _desk.Get($"/operations/{batch}/wait?version={going.Text("version")}&seconds=20");
        await _desk.Done($"/operations/{child.Id}/reports", new { fence = child.Fence, done = 1, total = 4 });
        var progress = await next;
        progress.Number("progressPercentage").ShouldBe(25);
        progress.Text("version").ShouldNotBe(going.Text("version"));
        var end = _desk.Get($"/operations/{batch}/wait?seconds=20");
        await _desk.End(child);
        (await end).Text("status").ShouldBe("completed");
    }

    [Fact]
    public async Task Nobody_begins_reports_or_ends_a_batch()
    {
        var batch = await _desk.Batch();
        (await _desk.Refused($"/operations/{batch}/begin", new { }, HttpStatusCode.Conflict)).ShouldBe("rolls-up");
        (await _desk.Refused($"/operations/{batch}/reports", new { fence = 1 }, HttpStatusCode.Conflict)).ShouldBe("rolls-up");
        (await _desk.Refused($"/operations/{batch}/end", new { fence = 1, outcome = "completed" }, HttpStatusCode.Conflict)).ShouldBe("rolls-up");
        (await _desk.Refused($"/operations/{await _desk.Post()}/close", new { }, HttpStatusCode.Conflict)).ShouldBe("no-batch");
    }

    [Theory]
    [InlineData("""{"startWithinSeconds": 5}""", "rollsUp")]
    [InlineData("""{"endWithinSeconds": 5}""", "rollsUp")]
    [InlineData("""{"silentForSeconds": 10}""", "rollsUp")]
    [InlineData("""{"maxAttempts": 2}""", "rollsUp")]
    [InlineData("""{"steps": [{"name": "a"}]}""", "rollsUp")]
    [InlineData("""{"expectedChildren": 0}""", "expectedChildren")]
    [InlineData("""{"rollsUp": false, "expectedChildren": 3}""", "expectedChildren")]
    [InlineData("""{"weight": 0}""", "weight")]
    [InlineData("""{"weight": 1e300}""", "weight")]
    public async Task What_makes_no_sense_of_a_batch_is_refused(string members, string place)
    {
        var body = Posting.Asked([("rollsUp", true), .. JsonElement.Parse(members).EnumerateObject().Select(x => (x.Name, (object?)x.Value))]);
        var (status, problem, _) = await _desk.Send("/operations", body);
        status.ShouldBe(HttpStatusCode.BadRequest);
        problem.GetProperty("errors").EnumerateObject().Select(x => x.Name).ShouldBe([place]);
    }

    [Fact]
    public async Task A_batch_of_nothing_completes_when_it_is_closed()
    {
        var batch = await _desk.Batch();
        await _desk.Done($"/operations/{batch}/close", new { });
        (await _desk.Shows(batch, x => x.Text("status") == "completed")).IsNull("children").ShouldBeTrue();
    }

    [Fact]
    public async Task Only_its_user_and_admins_close_it()
    {
        var batch = await _desk.Batch();
        using var colleague = _desk.Client(user: Guid.NewGuid());
        (await _desk.Refused($"/operations/{batch}/close", new { }, HttpStatusCode.Forbidden, colleague)).ShouldBe("not-yours");
        (await service.Desk().Send($"/operations/{batch}/close", new { })).Status.ShouldBe(HttpStatusCode.NotFound);
        using var admin = _desk.Client("admin", Guid.NewGuid());
        await _desk.Done($"/operations/{batch}/close", new { }, admin);
    }

    [Fact]
    public async Task Batches_within_batches_roll_up_to_the_top()
    {
        var top = await _desk.Batch(("expectedChildren", 2));
        var middle = await _desk.Batch(("expectedChildren", 1), ("parentId", top));
        var low = await _desk.Batch(("expectedChildren", 1), ("parentId", middle));
        var child = await _desk.Begun(("parentId", low));
        var beside = await _desk.Begun(("parentId", top));
        await _desk.Done($"/operations/{child.Id}/reports", new { fence = child.Fence, done = 1, total = 2 });
        await _desk.Shows(top, x => x.Number("progressPercentage") == 25 && x.Text("status") == "in_progress");
        await _desk.End(child, "failed");
        await _desk.End(beside);
        var over = await _desk.Shows(top, x => x.Text("status") == "failed");
        over.Text("errorMessage").ShouldBe("1 of 2 failed.");
        foreach (var batch in (Guid[])[middle, low])
        {
            (await _desk.Get(batch)).Text("errorMessage").ShouldBe("1 of 1 failed.");
        }
    }

    [Fact]
    public async Task A_service_starts_a_batch_whatever_comes_first_and_its_children_end_it()
    {
        var batch = _desk.Operation(change: x => x with { RollsUp = true, ExpectedChildren = 2, Steps = [], OperationType = "orders.exports" });
        var first = _desk.Operation(change: x => x with { ParentId = batch.OperationId });
        await _desk.Say(_desk.End(first, "completed", _desk.Report(first.OperationId, 1, 1, 50)));
        await _desk.RowShows(first.OperationId, "status = 'completed'");
        await _desk.Say(batch);
        var second = await _desk.Running(x => x with { ParentId = batch.OperationId }, percent: 40);
        var going = await _desk.Shows(batch.OperationId, x => x.Number("progressPercentage") == 70);
        (going.Text("status"), going.Text("service"), going.GetProperty("counters").Number("bytes")).ShouldBe(("in_progress", "orders", 8_192));
        // Who reports for a batch all the same is not heard for long.
        await _desk.Say(_desk.Report(batch.OperationId, 4, 2_000_000_000_000, 99));
        await _desk.Shows(batch.OperationId, x => x.Number("attempt") == 4);
        await _desk.Shows(batch.OperationId, x => x.Number("progressPercentage") == 70);
        await _desk.Say(_desk.End(second));
        var over = await _desk.Shows(batch.OperationId, x => x.Text("status") == "completed");
        over.GetProperty("result").Number("completed").ShouldBe(2);
        await _desk.IsIntact();
    }
}
