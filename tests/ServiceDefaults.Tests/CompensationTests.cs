using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Work;
using OpsPlatform.Testing;

namespace OpsPlatform.ServiceDefaults.Tests;

/// <summary>What a cancel leaves, what it takes back first, and when it comes too late.</summary>
public sealed class CompensationTests : ScriptedOperations
{
    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _deafMayEnd = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public override ValueTask DisposeAsync()
    {
        _deafMayEnd.TrySetResult();
        return base.DisposeAsync();
    }

    [Fact]
    public async Task What_compensating_steps_did_is_taken_back_before_the_operation_is_cancelled_and_the_rest_stays()
    {
        var takesBack = new TaskCompletionSource();
        var mayEnd = new TaskCompletionSource();
        await StartTakenBack(
            async (operation, db, cancel) =>
            {
                operation.Did("letters sent", 2, "/letters");
                await operation.Enter(2, cancel);
                operation.Did("places booked", 5);
                await operation.Save(db, new Place(5), cancel);
                _begun.SetResult();
                await Task.Delay(Timeout.InfiniteTimeSpan, cancel);
                return null;
            },
            async (operation, _, cancel) =>
            {
                takesBack.SetResult();
                await mayEnd.Task.WaitAsync(cancel);
                return null;
            });
        await _begun.Task.WaitAsync(Patience);
        await Cancel();
        await takesBack.Task.WaitAsync(Patience);
        await NothingMoreEnds();
        mayEnd.SetResult();

        var ended = (await Ends.Next(Org)).Message;
        (ended.Outcome, ended.CancelledBy).ShouldBe(("cancelled", "the boss"));
        ended.Last!.Effects.ShouldBe([new OperationEffect("letters sent", 2, "/letters")]);
    }

    [Fact]
    public async Task Whoever_takes_over_from_a_worker_that_died_while_it_took_back_goes_on_with_that()
    {
        var (forwards, backwards) = (0, 0);
        await StartTakenBack(
            async (operation, db, cancel) =>
            {
                forwards++;
                await operation.Enter(2, cancel);
                await operation.Save(db, new Place(5), cancel);
                _begun.SetResult();
                await Task.Delay(Timeout.InfiniteTimeSpan, cancel);
                return null;
            },
            async (operation, db, cancel) =>
            {
                if (Interlocked.Increment(ref backwards) == 1)
                {
                    await operation.Save(db, new Place(3), cancel);
                    await RunOutLease();
                    // Deaf, as a dead one is.
                    await _deafMayEnd.Task;
                }
                else
                {
                    operation.Checkpoint<Place>()!.Done.ShouldBe(3);
                }

                return null;
            });
        await _begun.Task.WaitAsync(Patience);
        await Cancel();

        var ended = (await Ends.Next(Org)).Message;
        (ended.Outcome, ended.CancelledBy, ended.Last!.Attempt).ShouldBe(("cancelled", "the boss", 2));
        (forwards, backwards).ShouldBe((1, 2));
        _deafMayEnd.SetResult();
        await NothingMoreEnds();
    }

    [Fact]
    public async Task What_cannot_be_taken_back_after_as_many_attempts_has_failed_and_goes_on_being_taken_back_when_it_is_tried_again()
    {
        var backwards = 0;
        await StartTakenBack(
            async (operation, _, cancel) =>
            {
                await operation.Enter(2, cancel);
                _begun.SetResult();
                await Task.Delay(Timeout.InfiniteTimeSpan, cancel);
                return null;
            },
            (_, _, _) => ++backwards <= 2 ? throw new InvalidOperationException("not yet") : Task.FromResult<object?>(null));
        await _begun.Task.WaitAsync(Patience);
        await Cancel();
        (await Ends.Next(Org)).Message.Outcome.ShouldBe("failed");
        backwards.ShouldBe(2);

        await First.Broker.Publish(Org, new OperationRetried(Id, "orders", "the boss"));
        (await Ends.Next(Org)).Message.Outcome.ShouldBe("cancelled");
        backwards.ShouldBe(3);
    }

    [Fact]
    public async Task A_final_step_is_done_to_its_end_whoever_cancels_it_and_the_end_says_so()
    {
        var mayEnd = new TaskCompletionSource();
        await StartTakenBack(async (operation, _, cancel) =>
        {
            await operation.Enter(2, cancel);
            await operation.Enter(3, cancel);
            _begun.SetResult();
            await mayEnd.Task.WaitAsync(cancel);
            return new { done = 1 };
        });
        await _begun.Task.WaitAsync(Patience);
        await Cancel();
        await Eventually.Is(async () => await Read<string>("cancelled_by") is not null);
        await NothingMoreEnds();
        mayEnd.SetResult();

        var ended = (await Ends.Next(Org)).Message;
        (ended.Outcome, ended.Error).ShouldBe(("completed", "It was past the point of no return when somebody cancelled it, and was done to its end."));
        ResultOf(ended).GetProperty("done").GetInt32().ShouldBe(1);
    }

    [Fact]
    public async Task A_final_step_is_not_entered_after_a_cancel_that_only_the_table_knows_of()
    {
        var isEntered = false;
        await StartTakenBack(async (operation, _, cancel) =>
        {
            await Change("cancelled_by = 'the boss'");
            await operation.Enter(3, cancel);
            isEntered = true;
            return null;
        });

        var ended = (await Ends.Next(Org)).Message;
        (ended.Outcome, ended.CancelledBy, isEntered).ShouldBe(("cancelled", "the boss", false));
    }

    [Fact]
    public async Task Whoever_takes_over_a_final_step_goes_on_although_it_was_cancelled_meanwhile()
    {
        await StartTakenBack(async (operation, _, cancel) =>
        {
            if (operation.Attempt == 1)
            {
                await operation.Enter(3, cancel);
                _begun.SetResult();
                await _deafMayEnd.Task;
            }

            await operation.Enter(3, cancel);
            return new { operation.Attempt };
        });
        await _begun.Task.WaitAsync(Patience);
        await Cancel();
        await Eventually.Is(async () => await Read<string?>("cancelled_by") == "the boss");
        await RunOutLease();

        var ended = (await Ends.Next(Org)).Message;
        (ended.Outcome, ended.Last!.Step).ShouldBe(("completed", 3));
        ResultOf(ended).GetProperty("attempt").GetInt32().ShouldBe(2);
    }

    [Fact]
    public async Task Effects_of_a_transaction_that_was_rolled_back_are_not_told_at_the_end()
    {
        await StartTakenBack(async (operation, db, cancel) =>
        {
            operation.Did("rows written", 7);
            await operation.Save(db, new Place(7), cancel);
            await using var transaction = await db.Database.BeginTransactionAsync(cancel);
            operation.Did("rows written", 9);
            await operation.Save(db, new Place(9), cancel);
            throw new OperationRefusedException("There is no more room.");
        });

        var ended = (await Ends.Next(Org)).Message;
        (ended.Outcome, ended.Last!.Effects!.Single()).ShouldBe(("failed", new OperationEffect("rows written", 7)));
    }

    [Fact]
    public async Task To_a_step_where_a_cancel_does_something_else_leads_no_way_but_entering_it()
    {
        await StartTakenBack((operation, _, _) =>
        {
            var fault = Should.Throw<InvalidOperationException>(() => operation.Step(3));
            throw new OperationRefusedException(fault.Message);
        });

        (await Ends.Next(Org)).Message.Error.ShouldBe("Step 3 of notes.taken_back is final: go there by Enter.");
    }
}
