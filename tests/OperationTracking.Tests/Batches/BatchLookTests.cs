using System.Diagnostics;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;

namespace OpsPlatform.OperationTracking.Tests.Batches;

/// <summary>What is looked at for batches, and what batches within batches may not do to that.</summary>
public sealed class BatchLookTests(OperationsFixture service)
{
    private readonly Desk _desk = service.Desk();

    [Fact]
    public async Task A_batch_is_looked_at_when_a_child_has_changed_and_not_otherwise()
    {
        var batch = await _desk.Batch();
        var child = await _desk.Begun(("parentId", batch));
        await _desk.Shows(batch, x => x.Text("status") == "in_progress");
        await Passes();
        await using var session = await service.OpenAs("app", _desk.Org);
        await using var transaction = await session.BeginTransactionAsync();
        await using var hold = new NpgsqlCommand($"SELECT FROM operations WHERE id = '{batch}' FOR UPDATE", session);
        await hold.ExecuteNonQueryAsync();
        await Passes();
        (await _desk.IsWaitedFor(session)).ShouldBeFalse();
        await _desk.Done($"/operations/{child.Id}/reports", new { fence = child.Fence, done = 1, total = 2 });
        await Eventually.Is(() => _desk.IsWaitedFor(session));
        await transaction.CommitAsync();
        await _desk.Shows(batch, x => x.Number("progressPercentage") == 50);
    }

    [Fact]
    public async Task A_child_that_came_while_the_end_waited_for_its_turn_at_the_timeline_is_counted()
    {
        var batch = await _desk.Batch();
        await _desk.End(await _desk.Begun(("parentId", batch)));
        await _desk.Shows(batch, x => !x.IsNull("children") && x.GetProperty("children").Number("completed") == 1);
        var late = Guid.NewGuid();
        await using (var session = await service.OpenAs("app", _desk.Org))
        {
            await using var transaction = await session.BeginTransactionAsync();
            await using var hear = new NpgsqlCommand(Started(late, batch, rollsUp: false), session);
            await hear.ExecuteNonQueryAsync();
            // Without an entry of its own, for which it would have to wait.
            await _desk.Execute($"UPDATE operations SET expected_children = 1 WHERE id = '{batch}'");
            await Eventually.Is(() => _desk.IsWaitedFor(session));
            await transaction.CommitAsync();
        }

        await _desk.Shows(batch, x => x.GetProperty("children").Number("total") == 2);
        (await _desk.Get(batch)).Text("status").ShouldBe("in_progress");
        await _desk.Say(_desk.End(_desk.Operation(late, x => x with { ParentId = batch })));
        (await _desk.Shows(batch, x => x.Text("status") == "completed")).GetProperty("result").Number("completed").ShouldBe(2);
    }

    [Fact]
    public async Task A_batch_whose_children_were_all_cancelled_is_cancelled_though_nobody_cancelled_it()
    {
        var top = await _desk.Batch(("expectedChildren", 1));
        var batch = await _desk.Batch(("expectedChildren", 2), ("parentId", top));
        await _desk.Cancel(await _desk.Post(("parentId", batch)));
        await _desk.Cancel(await _desk.Post(("parentId", batch)));
        var over = await _desk.Shows(batch, x => !x.IsNull("completedAt"));
        (over.Text("status"), over.IsNull("cancelledBy"), over.IsNull("errorMessage")).ShouldBe(("cancelled", true, true));
        over.GetProperty("result").ToString().ShouldBe("""{"failed":0,"cancelled":2,"completed":0}""");
        (await _desk.Shows(top, x => !x.IsNull("completedAt"))).Text("status").ShouldBe("cancelled");

        var mixed = await _desk.Batch(("expectedChildren", 2));
        await _desk.Cancel(await _desk.Post(("parentId", mixed)));
        await _desk.End(await _desk.Post(("parentId", mixed)));
        (await _desk.Shows(mixed, x => !x.IsNull("completedAt"))).Text("status").ShouldBe("completed");
        await _desk.IsIntact();
    }

    [Fact]
    public async Task Batches_that_services_tell_of_in_a_ring_are_cut_open_and_end()
    {
        OperationStarted[] ring = [.. Enumerable.Range(0, 3).Select(_ => _desk.Operation(change: Batch))];
        ring = [.. ring.Select((one, n) => one with { ParentId = ring[(n + 1) % 3].OperationId })];
        await _desk.Say(ring);
        foreach (var one in ring)
        {
            await _desk.RowShows(one.OperationId, "rolls_up");
        }

        (await _desk.Sql<long>("SELECT count(*) FROM operations WHERE rolls_up AND parent_id IS NULL")).ShouldBe(1);
        var top = await _desk.Sql<Guid>("SELECT id FROM operations WHERE rolls_up AND parent_id IS NULL");
        // Where the ring was cut: nothing is within the one that the top was told to be within.
        var bottom = ring.Single(one => one.OperationId == top).ParentId;
        var child = await _desk.Running(x => x with { ParentId = bottom }, percent: 40);
        foreach (var one in ring)
        {
            await _desk.Shows(one.OperationId, x => x.Text("status") == "in_progress");
        }

        (await _desk.Cancel(top)).Body.Text("status").ShouldBe("cancelling");
        await _desk.Shows(child.OperationId, x => x.Text("status") == "cancelling");
        await _desk.Say(_desk.End(child, "cancelled"));
        foreach (var one in ring)
        {
            await _desk.Shows(one.OperationId, x => x.Text("status") == "cancelled");
        }

        await _desk.IsIntact();
    }

    [Fact]
    public async Task Two_batches_told_of_at_the_same_time_do_not_close_a_ring()
    {
        for (var round = 0; round < 10; round++)
        {
            var (first, second) = (Guid.NewGuid(), Guid.NewGuid());
            await Task.WhenAll(_desk.Execute(Started(first, second, rollsUp: true)), _desk.Execute(Started(second, first, rollsUp: true)));
            (await _desk.Sql<long>($"SELECT count(*) FROM operations WHERE id IN ('{first}', '{second}') AND parent_id IS NULL")).ShouldBe(1);
        }
    }

    [Fact]
    public async Task A_chain_deeper_than_callers_may_make_rolls_up_and_is_cancelled_to_its_end()
    {
        const int levels = 12;
        OperationStarted[] chain = [.. Enumerable.Range(0, levels).Select(_ => _desk.Operation(change: Batch))];
        chain = [.. chain.Select((one, n) => n == 0 ? one : one with { ParentId = chain[n - 1].OperationId })];
        await _desk.Say([.. chain.Reverse()]);
        var child = await _desk.Running(x => x with { ParentId = chain[^1].OperationId }, percent: 40);
        await _desk.Shows(chain[0].OperationId, x => x.Number("progressPercentage") == 40);
        // All of them in a turn or two, of which there is one a second.
        var told = Stopwatch.StartNew();
        await _desk.Say(_desk.Report(child.OperationId, 1, 2, 60));
        await _desk.Shows(chain[0].OperationId, x => x.Number("progressPercentage") == 60);
        told.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(levels / 2));
        await _desk.Cancel(chain[0].OperationId);
        await _desk.Shows(child.OperationId, x => x.Text("status") == "cancelling");
        await _desk.Say(_desk.End(child, "cancelled"));
        await _desk.Shows(chain[0].OperationId, x => x.Text("status") == "cancelled");
    }

    private static OperationStarted Batch(OperationStarted operation) =>
        operation with { RollsUp = true, ExpectedChildren = 1, Steps = [], OperationType = "orders.exports" };

    private string Started(Guid id, Guid parent, bool rollsUp) =>
        $$"""
        SELECT hear_started('[{"id": "{{id}}", "operation_type": "orders.exports", "service": "orders", "display_name": "Exports", "user_id": "{{_desk.User}}", "queued_at": "2026-01-01T00:00:00Z",
          "steps": [], "max_attempts": 1, "parent_id": "{{parent}}", "rolls_up": {{(rollsUp ? "true" : "false")}}, "actor": "{{_desk.User}}", "correlation_id": "{{id}}"}]')
        """;

    /// <summary>Two turns at least: what another batch needed one for, this one had as well.</summary>
    private async Task Passes()
    {
        var other = service.Desk();
        for (var turn = 0; turn < 2; turn++)
        {
            var batch = await other.Batch();
            await other.Begun(("parentId", batch));
            await other.Shows(batch, x => x.Text("status") == "in_progress");
        }
    }
}
