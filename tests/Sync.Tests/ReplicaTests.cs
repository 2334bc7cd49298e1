using System.Diagnostics;
using OpsPlatform.Testing;

namespace OpsPlatform.Sync.Tests;

/// <summary>Two replicas of Sync on one database: each change is appended by one of them and seen by the readers of both.</summary>
public sealed class ReplicaTests(ITestOutputHelper output) : IAsyncLifetime
{
    private readonly PolledRarely _first = new();
    private readonly Guid _org = Guid.NewGuid();
    private IRunningService _second = null!;

    public async ValueTask InitializeAsync()
    {
        await _first.InitializeAsync();
        _second = await _first.StartReplica();
        await Eventually.Is(() => Task.FromResult(Replicas(_first.Services) == 2 && Replicas(_second.Services) == 2));
    }

    public async ValueTask DisposeAsync()
    {
        await _second.DisposeAsync();
        await _first.DisposeAsync();
    }

    [Fact]
    public async Task What_one_replica_appends_the_readers_of_the_other_see_without_a_poll()
    {
        const int Changes = 200;
        using var atFirst = await Open(_first.Address);
        using var atSecond = await Open(_second.Address);
        List<double> behind = [];
        for (var i = 0; i < Changes; i++)
        {
            var change = SyncFixture.Change(_org);
            await _first.Send(i % 8, change);
            var seen = await Task.WhenAll(Seen(atFirst, change.EntityId), Seen(atSecond, change.EntityId));
            behind.Add(Stopwatch.GetElapsedTime(Math.Min(seen[0], seen[1]), Math.Max(seen[0], seen[1])).TotalMilliseconds);
        }

        behind.Sort();
        output.WriteLine($"the other replica's reader is behind by: median {behind[Changes / 2]:0.00} ms, p99 {behind[Changes * 99 / 100]:0.00} ms, slowest {behind[^1]:0.00} ms");
    }

    [Fact]
    public async Task Readers_of_both_replicas_get_every_entry_once_and_in_order_also_in_bulk()
    {
        const int Batches = 40;
        const int Each = 50;
        using var atFirst = await Open(_first.Address);
        using var atSecond = await Open(_second.Address);
        var sending = Parallel.ForAsync(0, Batches, new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (i, _) => await _first.Send(i % 8, SyncFixture.Changes(_org, Each)));
        var positions = await Task.WhenAll(Positions(atFirst, Batches * Each), Positions(atSecond, Batches * Each));
        await sending;
        foreach (var seen in positions)
        {
            seen.ShouldBe(Enumerable.Range(1, Batches * Each).Select(position => (long)position));
        }
    }

    [Fact]
    public async Task Readers_of_many_organisations_get_what_is_theirs_and_nothing_else()
    {
        const int Each = 300;
        var orgs = Enumerable.Range(0, 30).Select(_ => Guid.NewGuid()).ToArray();
        var streams = await Task.WhenAll(orgs.SelectMany(org => new[] { Open(_first.Address, org), Open(_second.Address, org) }));
        // Messages with more of all of them than one look at the table brings.
        var sending = Parallel.ForAsync(0, 3, async (i, _) =>
            await _first.Send(i, [.. orgs.SelectMany(org => Enumerable.Range(0, Each / 3).Select(n => SyncFixture.Change(org) with { EntityId = $"{org} {i} {n}" }))]));
        for (var i = 0; i < streams.Length; i++)
        {
            using var stream = streams[i];
            for (var position = 1; position <= Each; position++)
            {
                var entry = await stream.Next("change");
                entry.Id.ShouldBe(position);
                entry.EntityId.ShouldStartWith(orgs[i / 2].ToString());
            }
        }

        await sending;
    }

    [Fact]
    public async Task A_long_poll_at_the_other_replica_wakes_too()
    {
        using var atFirst = _first.Client(_org, "viewer").GetAsync("/sync/feed?after=0&wait=30");
        using var atSecond = _first.Client(_org, "viewer", at: _second.Address).GetAsync("/sync/feed?after=0&wait=30");
        await Eventually.Is(() => Task.FromResult(Hub(_first.Services).HasReaders(_org) && Hub(_second.Services).HasReaders(_org)));
        await _first.Send(0, SyncFixture.Change(_org));
        foreach (var page in await Task.WhenAll(atFirst, atSecond).WaitAsync(TimeSpan.FromSeconds(10)))
        {
            (await page.Content.ReadAsStringAsync()).ShouldContain("\"head\":1");
        }
    }

    private static Feed.FeedHub Hub(IServiceProvider services) => (Feed.FeedHub)services.GetService(typeof(Feed.FeedHub))!;

    private static int Replicas(IServiceProvider services) =>
        ((ServiceDefaults.Messaging.Replicas)services.GetService(typeof(ServiceDefaults.Messaging.Replicas))!).Count;

    private async Task<SseClient> Open(Uri at, Guid? org = null)
    {
        var stream = await SseClient.Open(_first.Client(org ?? _org, "viewer", at: at), "/sync/feed?stream=1&after=0");
        await stream.Next("ready");
        return stream;
    }

    private static async Task<long> Seen(SseClient stream, string entityId)
    {
        (await stream.Next("change")).EntityId.ShouldBe(entityId);
        return Stopwatch.GetTimestamp();
    }

    private static async Task<List<long>> Positions(SseClient stream, int count)
    {
        List<long> positions = [];
        while (positions.Count < count)
        {
            positions.Add((await stream.Next("change")).Id!.Value);
        }

        return positions;
    }

    /// <summary>What the replicas tell each other must do, not the poll behind it.</summary>
    private sealed class PolledRarely : SyncFixture
    {
        protected override IEnumerable<(string Key, string Value)> Settings => [("Sync:PollInterval", "00:01:00"), ("Sync:SubscriberFrames", "100000")];
    }
}
