using MassTransit;
using Microsoft.Extensions.Options;
using Npgsql;
using OpsPlatform.Contracts;

namespace OpsPlatform.Sync.Consistency;

/// <summary>
/// Sends a marker through every queue of changes and waits until they come out. The queues keep their order, so by then everything that
/// a service had sent before has been taken out too: it is in the feed, or parked, or lost.
/// </summary>
internal sealed class Markers([FromKeyedServices("relay")] NpgsqlDataSource relay, IBus bus, IOptions<SyncOptions> options, TimeProvider time)
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(20);

    /// <returns>False when they did not come out in time: a queue has a backlog, or the broker is away.</returns>
    public async Task<bool> Pass(CancellationToken cancel)
    {
        using var timeUp = new CancellationTokenSource(options.Value.QueuePatience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, timeUp.Token);
        var marker = Guid.CreateVersion7();
        try
        {
            foreach (var (place, name) in Topology.ChangeQueues.Index())
            {
                var queue = await bus.GetSendEndpoint(new Uri($"exchange:{name}")).WaitAsync(either.Token);
                await queue.Send(new ChangeBatch("sync", place, [], marker), either.Token).WaitAsync(either.Token);
            }

            while (await Passed(marker, either.Token) < Topology.ChangeQueues.Count)
            {
                await Task.Delay(LookInterval, time, either.Token);
            }

            return true;
        }
        catch (OperationCanceledException) when (timeUp.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            return false;
        }
    }

    public async Task Note(Guid marker, int shard, CancellationToken cancel)
    {
        await using var note = relay.CreateCommand("INSERT INTO feed_markers (id, shard) VALUES ($1, $2) ON CONFLICT DO NOTHING");
        note.Parameters.Add(new() { Value = marker });
        note.Parameters.Add(new() { Value = shard });
        await note.ExecuteNonQueryAsync(cancel);
    }

    private async Task<long> Passed(Guid marker, CancellationToken cancel)
    {
        await using var count = relay.CreateCommand("SELECT count(*) FROM feed_markers WHERE id = $1");
        count.Parameters.Add(new() { Value = marker });
        return (long)(await count.ExecuteScalarAsync(cancel))!;
    }
}
