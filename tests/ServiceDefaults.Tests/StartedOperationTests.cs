using System.Net;
using System.Net.Http.Json;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Tests.Sample;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.ServiceDefaults.Tests;

/// <summary>Long-running work that the code at hand does itself: watched and cancelled like any other, ended with its block.</summary>
public sealed class StartedOperationTests : ScriptedOperations
{
    [Fact]
    public async Task A_block_is_an_operation_while_it_lasts()
    {
        var starts = await First.Broker.Listen<OperationStarted>();
        var goOn = new TaskCompletionSource();
        var answer = Do(async operation =>
        {
            operation.Report(new(1, 2, Message: "half of the first"));
            await goOn.Task.WaitAsync(operation.Token);
            operation.Step(2);
            operation.Complete(new { href = "/notes" });
        });

        var started = (await starts.Next(Org)).Message;
        (started.OperationType, started.Service, started.UserId, started.MaxAttempts).ShouldBe(("notes.started", "orders", User.ToString(), 1));
        (await Reports.Next(Org, x => x.Message == "half of the first")).Message.Percent.ShouldBe(12.5);
        goOn.SetResult();
        var id = await (await answer).Content.ReadFromJsonAsync<Guid>();
        id.ShouldBe(started.OperationId);
        var ended = (await Ends.Next(Org)).Message;
        (ended.Operation.OperationId, ended.Outcome, ended.Last!.Step).ShouldBe((id, "completed", 2));
        ResultOf(ended).GetProperty("href").GetString().ShouldBe("/notes");
        await NothingMoreEnds();
    }

    [Fact]
    public async Task A_block_that_is_left_by_an_exception_has_failed()
    {
        (await Do(_ => throw new InvalidOperationException("secret detail"))).StatusCode.ShouldBe(HttpStatusCode.InternalServerError);
        var ended = (await Ends.Next(Org)).Message;
        (ended.Outcome, ended.Error).ShouldBe(("failed", "It was given up before it was done."));
    }

    [Fact]
    public async Task A_block_says_itself_why_it_failed()
    {
        (await Do(operation =>
        {
            operation.Fail("Two tables differ still: try again.");
            return Task.CompletedTask;
        })).StatusCode.ShouldBe(HttpStatusCode.OK);
        var ended = (await Ends.Next(Org)).Message;
        (ended.Outcome, ended.Error).ShouldBe(("failed", "Two tables differ still: try again."));
    }

    [Fact]
    public async Task A_cancel_cuts_the_block_and_the_operation_has_been_cancelled()
    {
        await using var second = await First.StartReplica();
        var begun = new TaskCompletionSource<Guid>();
        var answer = Do(async operation =>
        {
            begun.SetResult(operation.Id);
            await Should.ThrowAsync<OperationCanceledException>(() => Task.Delay(Timeout.InfiniteTimeSpan, operation.Token));
            operation.CancelledBy.ShouldBe("the boss");
        });

        await First.Broker.Publish(Org, new OperationCancelled(await begun.Task.WaitAsync(Patience), "orders", "the boss", "no longer wanted"));

        (await answer).StatusCode.ShouldBe(HttpStatusCode.OK);
        var ended = (await Ends.Next(Org)).Message;
        (ended.Outcome, ended.CancelledBy).ShouldBe(("cancelled", "the boss"));
    }

    [Fact]
    public async Task A_block_whose_process_died_has_failed_and_what_comes_of_it_later_counts_no_more()
    {
        var begun = new TaskCompletionSource<Guid>();
        var goOn = new TaskCompletionSource();
        var answer = Do(async operation =>
        {
            begun.SetResult(operation.Id);
            await goOn.Task;
            operation.Complete();
        });
        var id = await begun.Task.WaitAsync(Patience);

        await RunOutLease(id);
        var ended = (await Ends.Next(Org)).Message;
        (ended.Operation.OperationId, ended.Outcome, ended.Error).ShouldBe((id, "failed", "Nobody is at it any more: ask for it again."));
        goOn.SetResult();
        (await answer).StatusCode.ShouldBe(HttpStatusCode.OK);
        await NothingMoreEnds();
    }

    private async Task<HttpResponseMessage> Do(Func<StartedOperation, Task> script)
    {
        StartedWork.Scripts[Id] = script;
        using var client = First.Client(Org, user: User);
        return await client.PostAsync($"/notes/{Id}/started", null);
    }
}
