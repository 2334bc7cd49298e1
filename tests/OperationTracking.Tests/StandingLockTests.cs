using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using OpsPlatform.OperationTracking.Reports;
using OpsPlatform.OperationTracking.Tests.Batches;
using OpsPlatform.Testing;

namespace OpsPlatform.OperationTracking.Tests;

/// <summary>Somebody holds a row of one organisation for long: another organisation notices nothing, and that one's work is done as soon as it is let go.</summary>
public sealed class StandingLockTests(LaterFixture service) : IClassFixture<LaterFixture>
{
    private readonly Desk _held = service.Desk();
    private readonly Desk _other = service.Desk();

    [Fact]
    public async Task Reports_of_others_are_written()
    {
        var held = (await _held.Running()).OperationId;
        var other = (await _other.Running()).OperationId;
        await using (var hold = await Hold($"SELECT FROM operations WHERE id = '{held}' FOR UPDATE"))
        {
            await _held.Say(_held.Report(held, 1, 2, 20));
            await hold.IsWaitedFor();
            for (var sequence = 2; sequence < 5; sequence++)
            {
                await _other.Say(_other.Report(other, 1, sequence, 20));
                await _other.RowShows(other, $"sequence = {sequence}");
            }

            await _held.RowShows(held, "sequence = 1");
        }

        await _held.RowShows(held, "sequence = 2");
    }

    [Fact]
    public async Task What_failed_before_another_attempt_began_is_told_when_both_had_to_wait()
    {
        Guid[] ids = [.. (await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => _held.Running()))).Select(one => one.OperationId)];
        await using (var hold = await Hold($"SELECT FROM operations WHERE id = '{ids[0]}' FOR UPDATE"))
        {
            await _held.Say([.. ids.Select(id => _held.Report(id, 1, 2, 20, x => x with { RetryAt = DateTimeOffset.UtcNow, Error = "It broke." }))]);
            foreach (var id in ids)
            {
                await Eventually.Is(async () => !await _held.IsWaitedFor(hold.Session));
                await hold.IsWaitedFor();
                await _held.Say(_held.Report(id, 2, 1, 0));
            }

            await _held.EverythingIsHeard();
        }

        foreach (var id in ids)
        {
            await _held.RowShows(id, "attempt = 2");
            (await _held.Story(id)).ShouldBe(["started", "attempt_began", "attempt_failed", "attempt_began"]);
        }
    }

    [Fact]
    public async Task What_a_replica_that_stops_has_heard_is_written_once_it_is_let()
    {
        var replica = await service.StartReplica();
        var (heard, lifetime) = (replica.Services.GetRequiredService<LatestReports>(), replica.Services.GetRequiredService<IHostApplicationLifetime>());
        Guid[] ids = [.. (await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => _held.Running()))).Select(one => one.OperationId)];
        Task stopped;
        await using (var hold = await Hold("SELECT FROM operations WHERE org_id = (SELECT current_org()) FOR UPDATE"))
        {
            foreach (var id in ids)
            {
                await _held.Say(_held.Report(id, 1, 2, 60));
            }

            await Eventually.Is(() => Task.FromResult(ids.Any(id => heard.Of(_held.Org, id)?.Report.Sequence == 2)));
            stopped = replica.DisposeAsync().AsTask();
            await Eventually.Is(() => Task.FromResult(lifetime.ApplicationStopping.IsCancellationRequested));
            for (var turn = 0; turn < 2; turn++)
            {
                await hold.IsWaitedFor();
                await Eventually.Is(async () => !await _held.IsWaitedFor(hold.Session));
            }
        }

        await stopped;
        foreach (var id in ids)
        {
            await _held.RowShows(id, "sequence = 2");
        }
    }

    [Fact]
    public async Task Metadata_of_others_is_written()
    {
        var (held, heldFence) = await _held.Begun();
        var (other, otherFence) = await _other.Begun();
        await Tell(_held, held, heldFence, "first");
        await Stored(_held, held, "first");
        await using (var hold = await Hold($"SELECT FROM operation_metadata WHERE operation_id = '{held}' FOR UPDATE"))
        {
            await Tell(_held, held, heldFence, "second");
            await hold.IsWaitedFor();
            foreach (var name in (string[])["first", "second"])
            {
                await Tell(_other, other, otherFence, name);
                await Stored(_other, other, name);
            }
        }

        await Stored(_held, held, "second");
    }

    [Fact]
    public async Task Batches_of_others_get_on_and_end()
    {
        var (held, heldChild) = await WithChild(_held);
        var (other, otherChild) = await WithChild(_other);
        await using (var hold = await Hold($"SELECT FROM operations WHERE id = '{held}' FOR UPDATE"))
        {
            await _held.Done($"/operations/{heldChild.Id}/reports", new { fence = heldChild.Fence, done = 1, total = 2 });
            await hold.IsWaitedFor();
            await _other.Done($"/operations/{otherChild.Id}/reports", new { fence = otherChild.Fence, done = 1, total = 2 });
            await _other.Shows(other, x => x.Number("progressPercentage") == 50);
            await _other.End(otherChild);
            await _other.Shows(other, x => x.Text("status") == "completed");
        }

        await _held.Shows(held, x => x.Number("progressPercentage") == 50);
    }

    [Fact]
    public async Task Batches_of_others_get_on_while_a_cancel_of_many_waits_for_its_timeline()
    {
        var (held, heldChild) = await WithChild(_held);
        var (other, otherChild) = await WithChild(_other);
        await using (var hold = await Hold("SELECT hold_timeline()"))
        {
            await _held.Execute($"UPDATE operations SET status = 'cancelling', cancelled_by = '{_held.User}' WHERE id = '{held}'");
            await _held.Done($"/operations/{heldChild.Id}/reports", new { fence = heldChild.Fence, done = 1, total = 2 });
            await hold.IsWaitedFor();
            await _other.Done($"/operations/{otherChild.Id}/reports", new { fence = otherChild.Fence, done = 1, total = 2 });
            await _other.Shows(other, x => x.Number("progressPercentage") == 50);
        }

        await _held.Shows(heldChild.Id, x => x.Text("status") == "cancelling");
    }

    [Fact]
    public async Task Posted_operations_of_others_time_out()
    {
        var held = await _held.Post(("startWithinSeconds", 60));
        var other = await _other.Post(("startWithinSeconds", 60));
        await using (var hold = await Hold($"SELECT FROM operations WHERE id = '{held}' FOR UPDATE"))
        {
            service.Time.Forward(TimeSpan.FromSeconds(61));
            await hold.IsWaitedFor();
            await _other.Shows(other, x => x.Text("status") == "expired");
        }

        await _held.Shows(held, x => x.Text("status") == "expired");
    }

    private static async Task Tell(Desk desk, Guid id, long fence, string name) =>
        await desk.Done($"/operations/{id}/reports", new { fence, metadata = new Dictionary<string, bool> { [name] = true } });

    private static Task Stored(Desk desk, Guid id, string name) =>
        Eventually.Is(async () => await desk.Sql<long>($"SELECT count(*) FROM operation_metadata WHERE operation_id = '{id}' AND metadata ? '{name}'") == 1);

    private static async Task<(Guid Batch, (Guid Id, long Fence) Child)> WithChild(Desk desk)
    {
        var batch = await desk.Batch(("expectedChildren", 1));
        var child = await desk.Begun(("parentId", batch));
        await desk.Shows(batch, x => x.Text("status") == "in_progress");
        return (batch, child);
    }

    private async Task<Held> Hold(string sql)
    {
        var session = await service.OpenAs("app", _held.Org);
        var transaction = await session.BeginTransactionAsync();
        await using var hold = new NpgsqlCommand($"SET LOCAL idle_in_transaction_session_timeout = 0; {sql}", session);
        await hold.ExecuteNonQueryAsync();
        return new(_held, session, transaction);
    }

    private sealed record Held(Desk Desk, NpgsqlConnection Session, NpgsqlTransaction Transaction) : IAsyncDisposable
    {
        public Task IsWaitedFor() => Eventually.Is(() => Desk.IsWaitedFor(Session));

        public async ValueTask DisposeAsync()
        {
            await Transaction.DisposeAsync();
            await Session.DisposeAsync();
        }
    }
}
