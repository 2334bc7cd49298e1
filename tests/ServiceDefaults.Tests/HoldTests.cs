using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Tests.Sample;
using OpsPlatform.ServiceDefaults.Work;
using OpsPlatform.Testing;

namespace OpsPlatform.ServiceDefaults.Tests;

/// <summary>Work that needs what only so many of an organisation may hold: it waits its turn, says so, and keeps nobody else up.</summary>
public sealed class HoldTests : ScriptedOperations
{
    private readonly TaskCompletionSource _deafMayEnd = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public override ValueTask DisposeAsync()
    {
        _deafMayEnd.TrySetResult();
        return base.DisposeAsync();
    }

    /// <summary>A piece of work that is begun when it is, and ends when it may.</summary>
    private sealed class Piece
    {
        public Guid Id { get; } = Guid.NewGuid();

        public TaskCompletionSource Begun { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource MayEnd { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public async Task<object?> Do(Operation operation, NotesDb db, CancellationToken cancel)
        {
            Begun.TrySetResult();
            await MayEnd.Task.WaitAsync(cancel);
            return null;
        }
    }

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
    public async Task Of_a_limit_no_more_are_at_work_and_who_waits_names_nobody()
    {
        var pieces = await Several("limited", 4);
        await Task.WhenAll(pieces.Take(2).Select(piece => piece.Begun.Task.WaitAsync(Patience)));
        var waits = new[] { await Reports.Next(Org, x => x.Attempt == 0), await Reports.Next(Org, x => x.Attempt == 0) };
        waits.Select(x => x.Message.OperationId).ShouldBe([pieces[2].Id, pieces[3].Id], ignoreOrder: true);
        waits.ShouldAllBe(x => x.Message.Cause == "rate_limit" && x.Message.BlockedBy == null);

        pieces[1].MayEnd.SetResult();
        await pieces[2].Begun.Task.WaitAsync(Patience);
        pieces[3].Begun.Task.IsCompleted.ShouldBeFalse();
        Array.ForEach(pieces, piece => piece.MayEnd.TrySetResult());
    }

    [Fact]
    public async Task Of_two_instances_never_more_are_at_work_than_may_and_they_begin_in_the_order_in_which_they_came()
    {
        await using var second = await First.StartReplica();
        var orgs = Enumerable.Range(0, 3).Select(_ => Guid.NewGuid()).ToArray();
        ConcurrentDictionary<Guid, List<Guid>> begun = [];
        ConcurrentDictionary<(Guid, string), int> atWork = [];
        ConcurrentBag<(string Path, int AtWork)> seen = [];
        List<(Guid Org, Guid Id)> held = [];
        for (var n = 0; n < 30; n++)
        {
            var (org, path) = (orgs[n % 3], n % 5 == 4 ? "limited" : "held");
            var piece = await Add(path, org, script: async (operation, _, cancel) =>
            {
                if (path == "held")
                {
                    var order = begun.GetOrAdd(org, _ => []);
                    lock (order)
                    {
                        order.Add(operation.Id);
                    }
                }

                seen.Add((path, atWork.AddOrUpdate((org, path), 1, (_, now) => now + 1)));
                await Task.Delay(40, cancel);
                atWork.AddOrUpdate((org, path), 0, (_, now) => now - 1);
                return null;
            });
            if (path == "held")
            {
                held.Add((org, piece.Id));
            }
        }

        await Eventually.Is(() => Task.FromResult(seen.Count == 30 && atWork.Values.All(now => now == 0)), TimeSpan.FromSeconds(60));
        seen.Where(x => x.Path == "held").Max(x => x.AtWork).ShouldBe(1);
        seen.Where(x => x.Path == "limited").Max(x => x.AtWork).ShouldBeLessThanOrEqualTo(2);
        foreach (var org in orgs)
        {
            begun[org].ShouldBe(held.Where(x => x.Org == org).Select(x => x.Id));
        }
    }

    [Fact]
    public async Task Many_who_claim_at_the_same_moment_get_no_more_than_may_be_held()
    {
        await using var second = await First.StartReplica();
        Claims[] claimers = [First.Services.GetRequiredService<Claims>(), second.Services.GetRequiredService<Claims>()];
        await Task.WhenAll(new[] { First.Services, second.Services }.Select(services => services.GetRequiredService<Workers>().StopAsync(CancellationToken.None)));
        for (var round = 0; round < 5; round++)
        {
            var org = Guid.NewGuid();
            await Task.WhenAll(Enumerable.Range(0, 16).Select(n => Add(n % 2 == 0 ? "held" : "limited", org)));
            var claims = await Task.WhenAll(Enumerable.Range(0, 16).Select(n => claimers[n % 2].Next(CancellationToken.None)));
            claims.OfType<Claim>().CountBy(claim => claim.Started.OperationType).ShouldBe([new("notes.held", 1), new("notes.limited", 2)], ignoreOrder: true);
        }
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

    [Fact]
    public async Task Work_that_may_have_to_wait_is_not_started_by_the_code_at_hand()
    {
        await using var scope = First.Services.CreateAsyncScope();
        var fault = await Should.ThrowAsync<InvalidOperationException>(() => scope.ServiceProvider.GetRequiredService<Operations>().Start(HeldWork.Kind, new("A script"), CancellationToken.None));
        fault.Message.ShouldBe("notes.held holds desk and may have to wait for it: start it by Add.");
    }

    [Fact]
    public void A_hold_is_for_one_number_of_operations()
    {
        var held = Worker.Of<HeldWork, ScriptedWork.Args>();
        Should.Throw<InvalidOperationException>(() => new Kinds([held, held with { Kind = new("notes.other", [new("First")]) { Holds = new("desk", 2) } }])).Message.ShouldContain("desk");
        Should.Throw<InvalidOperationException>(() => new Kinds([held with { Kind = HeldWork.Kind with { Holds = new("desk", 0) } }]));
        new Kinds([held, Worker.Of<AlsoHeldWork, ScriptedWork.Args>()]).AnyHolds.ShouldBeTrue();
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

    private async Task<Piece[]> Several(string? path, int count)
    {
        var pieces = new Piece[count];
        for (var n = 0; n < count; n++)
        {
            pieces[n] = await Add(path);
        }

        return pieces;
    }

    private async Task<Piece> Add(string? path, Guid? org = null, ScriptedWork.Script? script = null)
    {
        var piece = new Piece();
        ScriptedWork.Scripts[piece.Id] = script ?? piece.Do;
        using var client = First.Client(org ?? Org, user: User);
        using var answer = await client.PostAsync($"/notes/{piece.Id}/work{(path is null ? "" : $"/{path}")}", null);
        answer.EnsureSuccessStatusCode();
        return piece;
    }
}
