using System.Net;
using OpsPlatform.Contracts;

namespace OpsPlatform.OperationTracking.Tests.Batches;

/// <summary>Cancelling and trying again batches, and what comes at the same moment.</summary>
public sealed class BatchRaceTests(OperationsFixture service)
{
    private readonly Desk _desk = service.Desk();

    [Fact]
    public async Task Cancelled_a_batch_asks_its_children_to_stop_takes_no_more_and_is_cancelled_with_the_last()
    {
        var heard = await service.Broker.Listen<OperationCancelled>();
        var batch = await _desk.Batch(("expectedChildren", 9));
        var inner = await _desk.Batch(("parentId", batch));
        var waiting = await _desk.Post(("parentId", inner));
        var begun = await _desk.Begun(("parentId", batch));
        var services = await _desk.Running(x => x with { ParentId = batch });
        await _desk.Shows(batch, x => x.Text("status") == "in_progress");
        var (_, cancelled) = await _desk.Cancel(batch, "Wrong shop.");
        cancelled.Text("status").ShouldBe("cancelling");
        (await _desk.Refused("/operations", Posting.Asked(("parentId", batch)), HttpStatusCode.Conflict)).ShouldBe("parent-closed");

        (await _desk.Shows(waiting, x => x.Text("status") == "cancelled")).Text("cancelReason").ShouldBe("Wrong shop.");
        (await _desk.Shows(inner, x => x.Text("status") == "cancelled")).Text("cancelledBy").ShouldBe(_desk.User.ToString());
        (await heard.Next(_desk.Org)).Message.ShouldBe(new OperationCancelled(services.OperationId, "orders", _desk.User.ToString(), "Wrong shop."));
        await _desk.Shows(begun.Id, x => x.Text("status") == "cancelling");
        (await _desk.Get(batch)).Text("status").ShouldBe("cancelling");

        // A service may tell late of one that it had started before.
        var late = _desk.Operation(change: x => x with { ParentId = batch });
        await _desk.Say(late);
        await _desk.Shows(late.OperationId, x => x.Text("status") == "cancelling");
        await _desk.End(begun);
        await _desk.Say(_desk.End(services, "cancelled"), _desk.End(late, "failed"));
        var over = await _desk.Shows(batch, x => x.Text("status") == "cancelled");
        over.GetProperty("result").ToString().ShouldBe("""{"failed":1,"cancelled":3,"completed":0}""");
        (await _desk.Story(batch)).ShouldBe(["started", "attempt_began", "cancel_asked", "cancelled"]);
        await _desk.IsIntact();
    }

    [Fact]
    public async Task Tried_again_a_failed_batch_tries_its_failed_children_again_and_no_others()
    {
        var heard = await service.Broker.Listen<OperationRetried>();
        var batch = await _desk.Batch(("expectedChildren", 4));
        var done = await _desk.Begun(("parentId", batch));
        await _desk.End(done);
        var failed = await _desk.Begun(("parentId", batch));
        await _desk.End(failed, "failed");
        var inner = await _desk.Batch(("parentId", batch), ("expectedChildren", 1));
        var within = await _desk.Begun(("parentId", inner));
        await _desk.End(within, "failed");
        var services = _desk.Operation(change: x => x with { ParentId = batch });
        await _desk.Say(_desk.End(services, "failed", _desk.Report(services.OperationId, 1, 1, 50)));
        (await _desk.Shows(batch, x => x.Text("status") == "failed")).Text("errorMessage").ShouldBe("3 of 4 failed.");

        (await _desk.Done($"/operations/{batch}/retry", new { })).Text("status").ShouldBe("queued");
        (await heard.Next(_desk.Org)).Message.OperationId.ShouldBe(services.OperationId);
        await _desk.Shows(failed.Id, x => x.Text("status") == "queued");
        await _desk.Shows(within.Id, x => x.Text("status") == "queued");
        (await _desk.Get(done.Id)).Text("status").ShouldBe("completed");
        (await _desk.Shows(batch, x => x.Text("status") == "in_progress")).Number("attempt").ShouldBe(2);

        await _desk.End(failed.Id);
        await _desk.End(within.Id);
        await _desk.Say(_desk.End(services, "completed", _desk.Report(services.OperationId, 2, 1, 50)));
        var over = await _desk.Shows(batch, x => x.Text("status") == "completed");
        over.GetProperty("result").Number("completed").ShouldBe(4);
        over.IsNull("errorMessage").ShouldBeTrue();
        (await _desk.Get(inner)).Text("status").ShouldBe("completed");
        await _desk.IsIntact();
    }

    [Fact]
    public async Task A_child_that_is_tried_again_after_the_end_changes_nothing_of_the_batch()
    {
        var batch = await _desk.Batch(("expectedChildren", 1));
        var child = await _desk.Begun(("parentId", batch));
        await _desk.End(child, "failed");
        var over = await _desk.Shows(batch, x => x.Text("status") == "failed");
        await _desk.Done($"/operations/{child.Id}/retry", new { });
        await _desk.End(child.Id);
        await Passes();
        (await _desk.Get(batch)).ToString().ShouldBe(over.ToString());
    }

    [Fact]
    public async Task Children_that_end_at_once_end_their_batch_once()
    {
        for (var round = 0; round < 5; round++)
        {
            var batch = await _desk.Batch(("expectedChildren", 8));
            var children = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => _desk.Begun(("parentId", batch))));
            await Task.WhenAll(children.Select(child => _desk.End(child)));
            (await _desk.Shows(batch, x => x.Text("status") == "completed")).GetProperty("result").Number("completed").ShouldBe(8);
            (await _desk.Story(batch)).ShouldBe(["started", "attempt_began", "completed"]);
        }

        await _desk.IsIntact();
    }

    [Fact]
    public async Task A_child_that_ends_while_its_batch_is_closed_ends_it()
    {
        for (var round = 0; round < 10; round++)
        {
            var batch = await _desk.Batch();
            var child = await _desk.Begun(("parentId", batch));
            await Task.WhenAll(_desk.End(child), _desk.Done($"/operations/{batch}/close", new { }));
            (await _desk.Shows(batch, x => x.Text("status") == "completed")).GetProperty("result").Number("completed").ShouldBe(1);
        }
    }

    [Theory]
    [InlineData("close")]
    [InlineData("cancel")]
    public async Task A_child_that_comes_while_its_batch_is_closed_or_cancelled_is_counted_or_refused(string what)
    {
        for (var round = 0; round < 10; round++)
        {
            var batch = await _desk.Batch();
            var adding = Enumerable.Range(0, 4).Select(_ => _desk.Send("/operations", Posting.Asked(("parentId", batch)))).ToArray();
            await _desk.Done($"/operations/{batch}/{what}", new { });
            var taken = (await Task.WhenAll(adding)).Where(x => x.Status == HttpStatusCode.Accepted).Select(x => x.Body.GetProperty("operationId").GetGuid()).ToArray();
            adding.Length.ShouldBe(taken.Length + adding.Count(x => x.Result.Body.ToString().Contains("parent-closed", StringComparison.Ordinal)));
            foreach (var child in what == "close" ? taken : [])
            {
                await _desk.End(child);
            }

            var over = await _desk.Shows(batch, x => !x.IsNull("completedAt"));
            over.Text("status").ShouldBe(what == "close" ? "completed" : "cancelled");
            var result = over.GetProperty("result");
            result.Number(what == "close" ? "completed" : "cancelled").ShouldBe(taken.Length);
        }
    }

    [Fact]
    public async Task A_child_more_than_expected_that_comes_with_the_end_is_counted_or_refused()
    {
        for (var round = 0; round < 10; round++)
        {
            var batch = await _desk.Batch(("expectedChildren", 1));
            var child = await _desk.Begun(("parentId", batch));
            var adding = Enumerable.Range(0, 6).Select(_ => _desk.Send("/operations", Posting.Asked(("parentId", batch)))).ToArray();
            await _desk.End(child);
            var taken = (await Task.WhenAll(adding)).Where(x => x.Status == HttpStatusCode.Accepted).Select(x => x.Body.GetProperty("operationId").GetGuid()).ToArray();
            foreach (var one in taken)
            {
                await _desk.End(one);
            }

            var over = await _desk.Shows(batch, x => x.Text("status") == "completed");
            over.GetProperty("result").Number("completed").ShouldBe(1 + taken.Length);
        }
    }

    /// <summary>Two turns at least: what another batch needed one for, this one had as well.</summary>
    private async Task Passes()
    {
        for (var turn = 0; turn < 2; turn++)
        {
            var batch = await _desk.Batch();
            await _desk.Begun(("parentId", batch));
            await _desk.Shows(batch, x => x.Text("status") == "in_progress");
        }
    }
}
