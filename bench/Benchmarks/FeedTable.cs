using System.Diagnostics;
using Npgsql;
using OpsPlatform.Bench.Frame;

namespace OpsPlatform.Bench.Benchmarks;

/// <summary>How far one organisation's feed is, read from Sync's database.</summary>
internal sealed class FeedTable(BenchSystem system, Guid org) : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);
    private readonly NpgsqlDataSource _database = system.Database("sync", 1);

    public async Task<long> Position(CancellationToken cancel)
    {
        await using var read = _database.CreateCommand("SELECT position FROM feed_heads WHERE org_id = $1");
        read.Parameters.Add(new() { Value = org });
        return await read.ExecuteScalarAsync(cancel) as long? ?? 0;
    }

    /// <returns>Bytes of one change in a message, by the latest ones.</returns>
    public async Task<int> ChangeBytes(CancellationToken cancel)
    {
        // Names, ids and times of a change besides are about so many bytes.
        const int Envelope = 300;
        await using var read = _database.CreateCommand("""
            SELECT avg(octet_length(data::text) + octet_length(changed::text) + octet_length(metadata::text))::int
            FROM (SELECT * FROM feed WHERE org_id = $1 ORDER BY position DESC LIMIT 500) f
            """);
        read.Parameters.Add(new() { Value = org });
        return Envelope + (int)(await read.ExecuteScalarAsync(cancel))!;
    }

    public async Task Until(long position, CancellationToken cancel)
    {
        var since = Stopwatch.GetTimestamp();
        while (await Position(cancel) is var reached && reached < position)
        {
            if (Stopwatch.GetElapsedTime(since) > Patience)
            {
                throw new InvalidOperationException($"The feed stands at {reached} of {position} after {Patience}.");
            }

            await Task.Delay(10, cancel);
        }
    }

    /// <summary>Waits until nothing more comes of what was written before.</summary>
    public async Task Settled(CancellationToken cancel)
    {
        long before;
        do
        {
            before = await Position(cancel);
            await Task.Delay(TimeSpan.FromSeconds(1), cancel);
        }
        while (await Position(cancel) != before || before == 0);
    }

    public ValueTask DisposeAsync() => _database.DisposeAsync();
}
