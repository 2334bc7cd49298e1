using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;

namespace OpsPlatform.OperationTracking.Tests.Batches;

/// <summary>When a batch will have ended.</summary>
public sealed class BatchForecastTests(OperationsFixture service)
{
    private readonly Desk _desk = service.Desk();

    [Fact]
    public async Task The_end_of_a_batch_is_foretold_by_the_latest_of_its_children()
    {
        var batch = await _desk.Batch(("expectedChildren", 2));
        await AtHalf(await _desk.Running(x => x with { ParentId = batch }), 100);
        await AtHalf(await _desk.Running(x => x with { ParentId = batch }), 1_000);
        var shown = await _desk.Shows(batch, x => x.Number("progressPercentage") == 50 && !x.IsNull("timeRemaining") && x.Number("timeRemaining") > 800);
        shown.Number("timeRemaining").ShouldBeInRange(900, 1_100);
        shown.Number("timeRemainingP90").ShouldBeGreaterThan(shown.Number("timeRemaining"));
    }

    [Fact]
    public async Task A_child_that_gets_further_while_its_batch_is_counted_is_foretold_as_far_as_it_is_counted()
    {
        var batch = await _desk.Batch(("expectedChildren", 2));
        await AtHalf(await _desk.Running(x => x with { ParentId = batch }), 100);
        var late = await _desk.Running(x => x with { ParentId = batch });
        await _desk.Shows(batch, x => x.Number("progressPercentage") == 30);
        await using (var session = await service.OpenAs("app", _desk.Org))
        {
            await using var transaction = await session.BeginTransactionAsync();
            await using var hold = new NpgsqlCommand($"SELECT FROM operations WHERE id = '{batch}' FOR UPDATE", session);
            await hold.ExecuteNonQueryAsync();
            await _desk.Say(_desk.Report(late.OperationId, 1, 2, 20));
            // The end is foretold by then, and the children are not counted yet.
            await Eventually.Is(() => _desk.IsWaitedFor(session));
            await AtHalf(late, 1_000);
            await transaction.CommitAsync();
        }

        await _desk.Shows(batch, x => x.Number("progressPercentage") == 50);
        (await _desk.Shows(batch, x => x.Number("timeRemaining") > 800)).Number("timeRemaining").ShouldBeInRange(900, 1_100);
    }

    private async Task AtHalf(OperationStarted operation, double elapsed)
    {
        await _desk.Say(_desk.Report(operation.OperationId, 2, 1, 50, x => x with { StartedAt = DateTimeOffset.UtcNow.AddSeconds(-elapsed) }));
        await _desk.RowShows(operation.OperationId, "attempt = 2");
    }
}
