using System.Net;
using System.Text.Json;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.ServiceDefaults.Tests;

/// <summary>Long-running work: begun by whoever has the lease, again from its checkpoint, ended once.</summary>
public sealed class OperationTests : ScriptedOperations
{
    private readonly TaskCompletionSource _deafMayEnd = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public override ValueTask DisposeAsync()
    {
        _deafMayEnd.TrySetResult();
        return base.DisposeAsync();
    }

    [Fact]
    public async Task Work_is_told_of_when_it_is_started_while_it_lasts_and_when_it_has_ended()
    {
        var starts = await First.Broker.Listen<OperationStarted>();
        var goOn = new TaskCompletionSource();
        using var answer = await Start(async (operation, _, cancel) =>
        {
            operation.Report(new(1, 2, Message: "half of the first"));
            await goOn.Task.WaitAsync(cancel);
            operation.Step(2);
            operation.Report(new(3, 3, Bytes: 99));
            return new { href = "/notes" };
        });

        answer.StatusCode.ShouldBe(HttpStatusCode.Accepted);
        answer.Headers.GetValues("Operation-Location").ShouldBe([$"/operations/{Id}/status"]);
        answer.Headers.RetryAfter!.Delta.ShouldBe(TimeSpan.FromSeconds(1));
        var started = (await starts.Next(Org)).Message;
        started.ShouldBe(new OperationStarted(
            Id, "notes.script", "orders", "A script", User.ToString(), started.QueuedAt, started.Steps, 3, "note", "n-1", started.Context, started.Tags));
        OperationStep.Leaves(started.Steps).ShouldBe([new("Both / First", 0.25), new("Both / Second", 0.75)]);
        JsonDocument.Parse(started.Context!).RootElement.GetProperty("colour").GetString().ShouldBe("red");
        started.Tags.ShouldBe(["script"]);

        var report = (await Reports.Next(Org, x => x.Message is not null)).Message;
        (report.Attempt, report.Step, report.Percent, report.Done, report.Total, report.Message).ShouldBe((1, 1, 12.5, 1L, 2L, "half of the first"));
        goOn.SetResult();
        var ended = (await Ends.Next(Org)).Message;
        (ended.Operation.OperationId, ended.Outcome, ended.Error).ShouldBe((Id, "completed", null));
        (ended.Last!.Step, ended.Last.Percent, ended.Last.Bytes).ShouldBe((2, 100.0, 99L));
        ResultOf(ended).GetProperty("href").GetString().ShouldBe("/notes");
    }

    [Fact]
    public async Task Work_of_a_batch_names_it_and_the_batch_has_no_steps_of_its_own()
    {
        var starts = await First.Broker.Listen<OperationStarted>();
        var batch = Guid.NewGuid();
        using var answer = await Start((_, _, _) => Task.FromResult<object?>(null), batch: batch);
        var started = (await starts.Next(Org, x => x.RollsUp)).Message;
        started.ShouldBe(new OperationStarted(batch, "notes.scripts", "orders", "Some scripts", User.ToString(), started.QueuedAt, started.Steps, RollsUp: true, ExpectedChildren: 1));
        started.Steps.ShouldBeEmpty();
        var child = (await Ends.Next(Org)).Message.Operation;
        (child.OperationId, child.ParentId, child.Weight, child.RollsUp).ShouldBe((Id, batch, 2, false));
    }

    [Fact]
    public async Task A_worker_that_reports_ten_thousand_times_a_second_costs_few_messages_and_its_last_word_arrives()
    {
        var all = 0L;
        using var answer = await Start(async (operation, _, cancel) =>
        {
            for (var until = DateTime.UtcNow.AddSeconds(2); DateTime.UtcNow < until; all++)
            {
                operation.Report(new(all, 1_000_000_000));
                if (all % 1_000 == 0)
                {
                    await Task.Yield();
                }
            }

            operation.Report(new(all, all));
            return null;
        });

        var ended = (await Ends.Next(Org)).Message;
        ended.Last!.Done.ShouldBe(all);
        all.ShouldBeGreaterThan(20_000);
        // Every report sent was before the end, which names the last.
        var heard = 0;
        while ((await Reports.Next(Org)).Message.Sequence < ended.Last.Sequence - 200)
        {
            heard++;
        }

        heard.ShouldBeLessThan(30);
    }

    [Fact]
    public async Task What_another_instance_takes_over_goes_on_from_the_checkpoint_and_the_first_can_no_longer_store_or_end_anything()
    {
        var saved = new TaskCompletionSource();
        var zombieMayGoOn = new TaskCompletionSource();
        var zombie = new TaskCompletionSource<Exception?>();
        using var answer = await Start(async (operation, db, cancel) =>
        {
            if (operation.Attempt == 2)
            {
                // While the second is at it: once it has ended nobody could store anything anyway.
                zombieMayGoOn.SetResult();
                await zombie.Task.WaitAsync(Patience, cancel);
                return operation.Checkpoint<Place>();
            }

            await operation.Save(db, new Place(7), cancel);
            saved.SetResult();
            await zombieMayGoOn.Task;
            zombie.SetResult(await Record.ExceptionAsync(() => operation.Save(db, new Place(8), CancellationToken.None)));
            return "the zombie's";
        });
        await saved.Task.WaitAsync(Patience);

        await RunOutLease();
        var ended = (await Ends.Next(Org)).Message;

        (ended.Outcome, ResultOf(ended).GetProperty("done").GetInt64(), ended.Last!.Attempt).ShouldBe(("completed", 7L, 2));
        (await zombie.Task.WaitAsync(Patience)).ShouldBeOfType<LeaseLostException>();
        await NothingMoreEnds();
    }

    [Fact]
    public async Task Work_whose_worker_dies_every_time_has_failed_in_the_end()
    {
        var begun = new SemaphoreSlim(0);
        using var answer = await Start(async (_, _, _) =>
        {
            begun.Release();
            // Deaf, as a dead one is.
            await _deafMayEnd.Task;
            return null;
        });
        for (var attempt = 1; attempt <= 3; attempt++)
        {
            (await begun.WaitAsync(Patience)).ShouldBeTrue();
            await RunOutLease();
        }

        var ended = (await Ends.Next(Org)).Message;
        (ended.Outcome, ended.Error).ShouldBe(("failed", "It was begun 3 times, and its worker ended each time without a word."));
    }

    [Fact]
    public async Task A_fault_is_tried_again_and_a_refusal_is_not()
    {
        using var answer = await Start((operation, _, _) => operation.Attempt == 1
            ? throw new InvalidOperationException("secret detail")
            : throw new OperationRefusedException("The file has no header. Add one and start again."));

        var retry = (await Reports.Next(Org, x => x.RetryAt is not null)).Message;
        retry.Error.ShouldBe("Something broke on our side; it is in the log under the operation's id.");
        var ended = (await Ends.Next(Org)).Message;
        (ended.Outcome, ended.Error, ended.Last!.Attempt).ShouldBe(("failed", "The file has no header. Add one and start again.", 2));
        (ended.EndedAt - retry.At).ShouldBeInRange(TimeSpan.FromSeconds(0.9), TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task Cancelled_work_stops_wherever_it_runs_within_two_seconds()
    {
        await using var second = await First.StartReplica();
        var begun = new TaskCompletionSource();
        using var answer = await Start(async (_, _, cancel) =>
        {
            begun.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, cancel);
            return null;
        });
        await begun.Task.WaitAsync(Patience);
        var askedAt = DateTimeOffset.UtcNow;

        await First.Broker.Publish(Org, new OperationCancelled(Id, "orders", "the boss", "no longer wanted"));

        var ended = (await Ends.Next(Org)).Message;
        (ended.Outcome, ended.CancelledBy).ShouldBe(("cancelled", "the boss"));
        (ended.EndedAt - askedAt).ShouldBeLessThan(TimeSpan.FromSeconds(2));
        // After the end it changes nothing.
        await First.Broker.Publish(Org, new OperationCancelled(Id, "orders", "the boss"));
        await NothingMoreEnds();
    }

    [Fact]
    public async Task Work_cancelled_while_it_waits_for_its_turn_is_never_begun()
    {
        var begun = 0;
        using var answer = await Start((_, _, _) =>
        {
            begun++;
            throw new InvalidOperationException("try again");
        });
        await Reports.Next(Org, x => x.RetryAt is not null);

        await First.Broker.Publish(Org, new OperationCancelled(Id, "orders", "the boss"));

        (await Ends.Next(Org)).Message.Outcome.ShouldBe("cancelled");
        begun.ShouldBe(1);
    }

    [Fact]
    public async Task An_instance_that_stops_in_good_order_hands_its_work_on_and_the_attempt_does_not_count()
    {
        await using var second = await First.StartReplica();
        var begun = 0;
        var isFirstBegun = new TaskCompletionSource();
        using var answer = await Start(async (operation, db, cancel) =>
        {
            if (Interlocked.Increment(ref begun) == 1)
            {
                await operation.Save(db, new Place(1), cancel);
                isFirstBegun.SetResult();
                await Task.Delay(Timeout.InfiniteTimeSpan, cancel);
            }

            return new { operation.Attempt, operation.Checkpoint<Place>()!.Done };
        });
        await isFirstBegun.Task.WaitAsync(Patience);
        var stopsAt = DateTimeOffset.UtcNow;
        await Task.WhenAll(StopWorkersThatRun(First.Services), StopWorkersThatRun(second.Services));

        var ended = (await Ends.Next(Org)).Message;
        (ResultOf(ended).GetProperty("attempt").GetInt32(), ResultOf(ended).GetProperty("done").GetInt64()).ShouldBe((1, 1L));
        (ended.EndedAt - stopsAt).ShouldBeLessThan(TimeSpan.FromSeconds(5));
    }

    private static Task StopWorkersThatRun(IServiceProvider services)
    {
        var workers = (Workers)services.GetService(typeof(Workers))!;
        return workers.Running.Any() ? workers.StopAsync(CancellationToken.None) : Task.CompletedTask;
    }
}
