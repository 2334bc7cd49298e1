using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tests.Sample;
using OpsPlatform.ServiceDefaults.Work;
using OpsPlatform.Testing;

namespace OpsPlatform.ServiceDefaults.Tests;

/// <summary>No more work of an organisation is done at a time than may hold what it needs, by however many instances.</summary>
public sealed class HoldTests : HeldOperations
{
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
    public async Task Another_instance_is_told_when_a_hold_is_free_and_need_not_look()
    {
        var (begun, mayEnd) = (new TaskCompletionSource(), new TaskCompletionSource());
        await Add("held", script: async (_, _, _) =>
        {
            begun.SetResult();
            await mayEnd.Task;
            return null;
        });
        await begun.Task.WaitAsync(Patience);
        var time = new StandingTime();
        await using var second = await First.StartReplica(services => services.AddSingleton<TimeProvider>(time));
        await Eventually.Is(() => Task.FromResult(First.Services.GetRequiredService<Replicas>().Count == 2));
        // The first instance ends what it is at and begins nothing more.
        var stopping = First.Services.GetRequiredService<Workers>().StopAsync(CancellationToken.None);
        var next = await Add("held");
        // Once this has begun, the second one waits for ever unless it is woken.
        time.Stands = true;
        var other = await Add(null, at: second.Address);
        await other.Begun.Task.WaitAsync(Patience);
        next.Begun.Task.IsCompleted.ShouldBeFalse();

        mayEnd.SetResult();
        await next.Begun.Task.WaitAsync(Patience);
        other.MayEnd.SetResult();
        next.MayEnd.SetResult();
        await stopping;
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

    /// <summary>The real clock, whose timers go off no more once it stands, those made before neither.</summary>
    private sealed class StandingTime : TimeProvider
    {
        public bool Stands { get; set; }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(
                told =>
                {
                    if (!Stands)
                    {
                        callback(told);
                    }
                },
                state, dueTime, period);
    }
}
