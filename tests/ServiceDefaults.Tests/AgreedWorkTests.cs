using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Tests.Sample;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.ServiceDefaults.Tests;

/// <summary>Work that waits for people, and what they may decide about it.</summary>
public sealed class AgreedWorkTests : ScriptedOperations
{
    [Fact]
    public async Task Work_with_a_plan_begins_when_that_plan_is_agreed_to_and_no_other()
    {
        var starts = await First.Broker.Listen<OperationStarted>();
        using var answer = await Start((operation, _, _) => Task.FromResult<object?>(new { operation.ApprovedDigest, operation.Attempt }), "d1");
        (await starts.Next(Org)).Message.Plan!.Digest.ShouldBe("d1");

        await First.Broker.Publish(Org, new OperationApproved(Id, "orders", "another"), new OperationApproved(Id, "inventory", "d1"));
        await NothingMoreEnds();

        await First.Broker.Publish(Org, new OperationApproved(Id, "orders", "d1"), new OperationApproved(Id, "orders", "d1"));
        var ended = (await Ends.Next(Org)).Message;
        (ended.Outcome, ResultOf(ended).GetProperty("approvedDigest").GetString(), ResultOf(ended).GetProperty("attempt").GetInt32()).ShouldBe(("completed", "d1", 1));
        await NothingMoreEnds();
    }

    [Fact]
    public async Task What_is_denied_is_never_begun_and_nothing_more_is_said_of_it()
    {
        using var answer = await Start((_, _, _) => Task.FromResult<object?>(null), "d1");

        await First.Broker.Publish(Org, new OperationDenied(Id, "orders", "denied", "no"));
        await NothingMoreEnds();
        await First.Broker.Publish(Org, new OperationApproved(Id, "orders", "d1"));
        await NothingMoreEnds();
    }

    [Fact]
    public async Task What_waits_for_agreement_can_be_cancelled()
    {
        var begun = 0;
        using var answer = await Start((_, _, _) => Task.FromResult<object?>(begun++), "d1");

        await First.Broker.Publish(Org, new OperationCancelled(Id, "orders", "the boss"));

        var ended = (await Ends.Next(Org)).Message;
        (ended.Outcome, ended.CancelledBy, ended.Last, begun).ShouldBe(("cancelled", "the boss", null, 0));
    }

    [Fact]
    public async Task A_plan_that_has_changed_is_told_and_waits_until_it_is_agreed_to_as_it_is_now()
    {
        var replans = await First.Broker.Listen<OperationReplanned>();
        var present = "d2";
        using var answer = await Start((operation, _, _) => operation.ApprovedDigest == present
            ? Task.FromResult<object?>(new { operation.ApprovedDigest })
            : throw new OperationReplannedException(ScriptedWork.Plan(present)), "d1");
        // More often than the work may be tried: a change of plan is no fault of it.
        foreach (var (agreed, next) in new[] { ("d1", "d2"), ("d2", "d3"), ("d3", "d4"), ("d4", "d5") })
        {
            present = next;
            await First.Broker.Publish(Org, new OperationApproved(Id, "orders", agreed));
            var told = (await replans.Next(Org)).Message;
            (told.OperationId, told.Plan.Digest).ShouldBe((Id, next));
        }

        // The one before comes late, or again.
        await First.Broker.Publish(Org, new OperationApproved(Id, "orders", "d4"));
        await NothingMoreEnds();
        await First.Broker.Publish(Org, new OperationApproved(Id, "orders", "d5"));
        var ended = (await Ends.Next(Org)).Message;
        (ended.Outcome, ResultOf(ended).GetProperty("approvedDigest").GetString()).ShouldBe(("completed", "d5"));
    }

    [Fact]
    public async Task What_failed_is_tried_again_when_somebody_asks_from_where_it_got_to_and_as_often_as_at_first()
    {
        var isMended = false;
        using var answer = await Start(async (operation, db, cancel) =>
        {
            if (operation.Attempt == 1)
            {
                await operation.Save(db, new Place(41), cancel);
                throw new OperationRefusedException("The disk is full.");
            }

            return isMended ? new { operation.Attempt, operation.Checkpoint<Place>()!.Done } : throw new InvalidOperationException("not yet");
        });
        (await Ends.Next(Org)).Message.Outcome.ShouldBe("failed");

        await First.Broker.Publish(Org, new OperationRetried(Id, "orders", "the boss"));
        (await Reports.Next(Org, x => x is { Attempt: 2, RetryAt: not null })).Message.Error.ShouldNotBeNull();
        (await Reports.Next(Org, x => x is { Attempt: 3, RetryAt: not null })).Message.Error.ShouldNotBeNull();
        isMended = true;

        var ended = (await Ends.Next(Org)).Message;
        (ended.Outcome, ResultOf(ended).GetProperty("attempt").GetInt32(), ResultOf(ended).GetProperty("done").GetInt64()).ShouldBe(("completed", 4, 41L));
    }

    [Fact]
    public async Task A_database_that_was_away_does_not_count_against_the_work()
    {
        using var answer = await Start((operation, _, _) => operation.Attempt <= 4
            ? throw new NpgsqlException("The connection broke.")
            : Task.FromResult<object?>(new { operation.Attempt }));

        var ended = (await Ends.Next(Org)).Message;
        (ended.Outcome, ended.Last!.Attempt).ShouldBe(("completed", 5));
    }

    [Fact]
    public async Task A_worker_that_is_held_up_says_by_what()
    {
        var other = Guid.NewGuid();
        var goOn = new SemaphoreSlim(0);
        using var answer = await Start(async (operation, _, cancel) =>
        {
            using (operation.WaitsFor(OperationWait.Lock, other))
            {
                await goOn.WaitAsync(cancel);
            }

            await goOn.WaitAsync(cancel);
            return null;
        });

        (await Reports.Next(Org, x => x.Cause == "lock")).Message.BlockedBy.ShouldBe(other);
        goOn.Release();
        (await Reports.Next(Org, x => x.Cause == "work")).Message.BlockedBy.ShouldBeNull();
        goOn.Release();
        (await Ends.Next(Org)).Message.Outcome.ShouldBe("completed");
    }
}
