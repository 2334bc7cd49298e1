using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.OperationTracking.Reports;
using OpsPlatform.OperationTracking.Tests.Batches;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.Testing;

namespace OpsPlatform.OperationTracking.Tests;

/// <summary>A service of its own: its replicas share the messages, and other tests must not.</summary>
public sealed class ReplicaFixture : OperationsFixture;

public sealed class ReplicaTests(ReplicaFixture service) : IClassFixture<ReplicaFixture>
{
    private readonly Desk _desk = service.Desk();

    [Fact]
    public async Task Replicas_that_look_at_the_same_batches_end_each_once()
    {
        await using var replica = await service.StartReplica();
        using var there = _desk.Client(at: replica.Address);
        var batches = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => _desk.Batch(("expectedChildren", 2))));
        var children = await Task.WhenAll(batches.SelectMany(batch => (Task<(Guid, long)>[])[_desk.Begun(("parentId", batch)), _desk.Begun(("parentId", batch))]));
        foreach (var batch in batches)
        {
            await _desk.Shows(batch, x => x.Text("status") == "in_progress");
        }

        await Task.WhenAll(children.Select((child, n) => _desk.End(child, client: n % 2 == 0 ? there : null)));
        foreach (var batch in batches)
        {
            await _desk.Shows(batch, x => x.Text("status") == "completed");
            (await _desk.Story(batch)).ShouldBe(["started", "attempt_began", "completed"]);
        }

        await _desk.IsIntact();
    }

    [Fact]
    public async Task Who_waits_at_either_replica_sees_the_end_at_once_and_progress_within_a_second_or_so()
    {
        await using var replica = await service.StartReplica();
        var here = service.Services.GetRequiredService<Replicas>();
        var there = replica.Services.GetRequiredService<Replicas>();
        await Eventually.Is(() => Task.FromResult(here.Count == 2 && there.Count == 2));
        using var atHere = _desk.Client();
        using var atThere = _desk.Client(at: replica.Address);

        var operation = await _desk.Running();
        var version = (await _desk.Get(operation.OperationId)).Text("version");
        var progress = new[] { atHere, atThere }.Select(client => _desk.Get($"/operations/{operation.OperationId}/wait?version={version}&seconds=20", client: client)).ToArray();
        await BothWait();
        var told = Stopwatch.StartNew();
        await _desk.Say(_desk.Report(operation.OperationId, 1, 2, 30));
        (await Task.WhenAll(progress)).ShouldAllBe(x => x.Number("progressPercentage") == 30);
        told.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(3));

        var end = new[] { atHere, atThere }.Select(client => _desk.Get($"/operations/{operation.OperationId}/wait?seconds=20", client: client)).ToArray();
        await BothWait();
        told.Restart();
        await _desk.Say(_desk.End(operation));
        (await Task.WhenAll(end)).ShouldAllBe(x => x.Text("status") == "completed");
        told.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(1.5));

        Task BothWait() => Eventually.Is(() => Task.FromResult(((IServiceProvider[])[service.Services, replica.Services])
            .All(one => one.GetRequiredService<OperationWatch>().Waiting(_desk.Org) == 1)));
    }

    [Fact]
    public async Task What_another_replica_heard_is_told_here_too()
    {
        await using var replica = await service.StartReplica();
        using var here = await SseClient.Open(_desk.Client(), "/operations/feed");
        using var there = await SseClient.Open(_desk.Client(at: replica.Address), "/operations/feed");
        var operation = await _desk.Started();
        await here.Until((operation.OperationId, "queued"));
        await there.Until((operation.OperationId, "queued"));
        await _desk.Say(_desk.End(operation));
        await here.Until((operation.OperationId, "completed"));
        await there.Until((operation.OperationId, "completed"));
    }

    [Fact]
    public async Task What_a_replica_heard_and_has_not_written_yet_it_writes_when_it_stops()
    {
        var replica = await service.StartReplica();
        var begun = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => _desk.Running()));
        // Of what was written just now the next write is a second away.
        foreach (var operation in begun)
        {
            await _desk.Say(_desk.Report(operation.OperationId, 1, 2, 60));
        }

        var heardThere = replica.Services.GetRequiredService<LatestReports>();
        await Eventually.Is(() => Task.FromResult(begun.Any(operation => heardThere.Of(_desk.Org, operation.OperationId)?.Report.Sequence == 2)));
        await replica.DisposeAsync();
        foreach (var operation in begun)
        {
            await _desk.Shows(operation.OperationId, x => x.Number("progressPercentage") == 60);
        }
    }
}
