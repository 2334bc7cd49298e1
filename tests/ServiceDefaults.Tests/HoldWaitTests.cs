using System.Collections.Concurrent;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Tests.Sample;
using OpsPlatform.ServiceDefaults.Work;
using OpsPlatform.Testing;

namespace OpsPlatform.ServiceDefaults.Tests;

/// <summary>Work that waits for what other work holds says so, keeps nobody else up, and goes on when its turn has come.</summary>
public sealed class HoldWaitTests : HeldOperations
{
    [Fact]
    public async Task The_second_waits_for_the_first_says_so_and_is_begun_as_soon_as_that_has_ended()
    {
        var (first, second) = (await Add("held"), await Add("also-held"));
        await first.Begun.Task.WaitAsync(Patience);

        var waits = (await Reports.Next(Org, x => x.OperationId == second.Id)).Message;
        (waits.Attempt, waits.Step, waits.Cause, waits.BlockedBy, waits.RetryAt).ShouldBe((0, 0, "lock", first.Id, null));
        await SomeoneElseIsServed();
        second.Begun.Task.IsCompleted.ShouldBeFalse();

        var endsAt = DateTime.UtcNow;
        first.MayEnd.SetResult();
        await second.Begun.Task.WaitAsync(Patience);
        (DateTime.UtcNow - endsAt).ShouldBeLessThan(TimeSpan.FromSeconds(0.5));
        // Nothing was said of it between: it waited for the same.
        (await Reports.Next(Org, x => x.OperationId == second.Id)).Message.Attempt.ShouldBe(1);
        second.MayEnd.SetResult();
    }

    [Fact]
    public async Task When_a_worker_is_killed_the_next_is_begun_and_that_one_waits_behind_it_as_others_do()
    {
        await using var second = await First.StartReplica();
        var zombie = new TaskCompletionSource<Exception?>();
        var goOn = new TaskCompletionSource();
        var begun = new TaskCompletionSource();
        var killed = await Add("held", script: async (operation, db, _) =>
        {
            if (operation.Attempt == 1)
            {
                begun.SetResult();
                await goOn.Task;
                zombie.SetResult(await Record.ExceptionAsync(() => operation.Save(db, new Place(1), CancellationToken.None)));
            }

            return null;
        });
        await begun.Task.WaitAsync(Patience);
        var next = await Add("held");
        await Reports.Next(Org, x => x.OperationId == next.Id && x.BlockedBy == killed.Id);

        await RunOutLease(killed.Id);
        await next.Begun.Task.WaitAsync(Patience);
        var waits = (await Reports.Next(Org, x => x.OperationId == killed.Id && x.RetryAt is not null)).Message;
        (waits.Attempt, waits.Cause, waits.BlockedBy, waits.Error).ShouldBe((1, "lock", next.Id, "Its worker ended without a word."));
        // It was not dead: it cannot store anything beside the next one.
        goOn.SetResult();
        (await zombie.Task.WaitAsync(Patience)).ShouldBeOfType<LeaseLostException>();

        next.MayEnd.SetResult();
        (await Ends.Next(Org)).Message.Operation.OperationId.ShouldBe(next.Id);
        var ended = (await Ends.Next(Org)).Message;
        (ended.Operation.OperationId, ended.Outcome, ended.Last!.Attempt).ShouldBe((killed.Id, "completed", 2));
    }

    [Fact]
    public async Task What_is_cancelled_while_it_waits_ends_at_once_and_what_is_taken_back_goes_on_holding()
    {
        var takesBack = new TaskCompletionSource();
        var mayEnd = new TaskCompletionSource();
        var begun = new TaskCompletionSource();
        var first = await Add("held", script: async (operation, _, cancel) =>
        {
            await operation.Enter(2, cancel);
            begun.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, cancel);
            return null;
        });
        TakenBackWork.Backwards[first.Id] = async (_, _, cancel) =>
        {
            takesBack.SetResult();
            await mayEnd.Task.WaitAsync(cancel);
            return null;
        };
        await begun.Task.WaitAsync(Patience);
        var (waiting, last) = (await Add("held"), await Add("held"));
        await Reports.Next(Org, x => x.OperationId == last.Id && x.Cause == "lock");

        await First.Broker.Publish(Org, new OperationCancelled(waiting.Id, "orders", "the boss"), new OperationCancelled(first.Id, "orders", "the boss"));
        var ended = (await Ends.Next(Org)).Message;
        (ended.Operation.OperationId, ended.Outcome).ShouldBe((waiting.Id, "cancelled"));
        await takesBack.Task.WaitAsync(Patience);
        await NothingMoreEnds();
        last.Begun.Task.IsCompleted.ShouldBeFalse();

        mayEnd.SetResult();
        (await Ends.Next(Org)).Message.Operation.OperationId.ShouldBe(first.Id);
        await last.Begun.Task.WaitAsync(Patience);
        last.MayEnd.SetResult();
    }

    [Fact]
    public async Task With_several_instances_what_is_waited_for_is_said_once_and_again_when_it_has_changed()
    {
        await using var second = await First.StartReplica();
        var pieces = await Several("held", 3);
        await pieces[0].Begun.Task.WaitAsync(Patience);
        // All workers of both instances have something to do, and others come first.
        var others = await Several(null, 7);
        await Task.WhenAll(others.Select(other => other.Begun.Task.WaitAsync(Patience)));
        var more = await Add(null, Guid.NewGuid());
        ConcurrentBag<OperationReported> heard = [];
        using var enough = new CancellationTokenSource();
        var hearing = Hear();
        await Eventually.Is(() => Task.FromResult(Of(2).Length == 1));
        pieces[0].MayEnd.SetResult();
        await Eventually.Is(() => Task.FromResult(Of(1).Length == 2 && Of(2).Length == 2));
        await more.Begun.Task.WaitAsync(Patience);
        // Both instances look some times more.
        var until = DateTimeOffset.UtcNow.AddSeconds(3);
        await Eventually.Is(() => Task.FromResult(heard.Any(report => report.At > until)));

        Of(1).ShouldBe([(0, "lock", pieces[0].Id), (0, "queue", null)]);
        // Whoever comes after it waits for it, though it is not begun.
        Of(2).ShouldBe([(0, "lock", pieces[0].Id), (0, "lock", pieces[1].Id)]);
        await enough.CancelAsync();
        await hearing;
        Array.ForEach([.. pieces, .. others, more], piece => piece.MayEnd.TrySetResult());

        (int, string, Guid?)[] Of(int piece) => [.. heard.Where(x => x.OperationId == pieces[piece].Id).OrderBy(x => x.Sequence).Select(x => (x.Attempt, x.Cause, x.BlockedBy))];

        async Task Hear()
        {
            while (!enough.IsCancellationRequested)
            {
                heard.Add((await Reports.Next(Org)).Message);
            }
        }
    }

    /// <summary>Another organisation's, and the organisation's own that needs nothing.</summary>
    private async Task SomeoneElseIsServed()
    {
        foreach (var piece in (Piece[])[await Add("held", Guid.NewGuid()), await Add(null)])
        {
            await piece.Begun.Task.WaitAsync(Patience);
            piece.MayEnd.SetResult();
        }
    }
}
