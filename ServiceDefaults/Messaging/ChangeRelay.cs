using System.Text.Json;
using MassTransit;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>
/// Sends captured changes to Sync's queues in order, shard by shard. A shard belongs to the replica whose connection holds its
/// advisory lock; all its work runs on that connection, so losing the lock ends the work. What the last owner had sent and not
/// settled is sent again, before anything later.
/// </summary>
internal sealed class ChangeRelay(
    ServiceDatabase database, RelaySignal signal, BrokerTopology topology, Lookout lookout, IBus bus, RelaySettings settings, TimeProvider time, ILogger<ChangeRelay> log)
    : RelayLoop(database, signal, topology, lookout, time, settings.Interval, log), IAsyncDisposable
{
    /// <summary>A change reaches browsers; one larger than this is a fault of the table's design.</summary>
    private const int MaxChangeBytes = 1024 * 1024;

    /// <summary>Brokers refuse very large messages; what does not fit waits for the next batch.</summary>
    private const int MaxBatchBytes = 4 * 1024 * 1024;

    private const string TakeSql = """
        SELECT seq, id, org_id, event_type, category, priority, entity_type, entity_id, row_version, operation,
               data::text, changed::text, (metadata || jsonb_build_object('service', $3::text))::text, created_at, shard, size_bytes
        FROM sync_events
        WHERE sync_status = 'pending' AND seq >= $5 AND shard = ANY($1) AND (next_attempt_at IS NULL OR next_attempt_at <= now())
          AND ($4 OR seq <= (SELECT up_to FROM relay_demand))
        ORDER BY seq LIMIT $2
        """;

    private const string DoneSql = "UPDATE sync_events SET sync_status = 'processed', processed_at = now() WHERE sync_status = 'pending' AND seq = ANY($1)";

    private const string FailSql = """
        UPDATE sync_events SET attempts = attempts + 1, error = $2,
          next_attempt_at = now() + make_interval(secs => $4 * power(2, attempts)),
          sync_status = CASE WHEN attempts + 1 >= $3 THEN 'failed' ELSE 'pending' END
        WHERE sync_status = 'pending' AND seq = $1
        """;

    private static readonly JsonDocumentOptions AnyDepth = new() { MaxDepth = int.MaxValue };

    /// <summary>How soon the shards of a replica that was killed are taken over; who comes or goes in good order says so.</summary>
    private static readonly TimeSpan ShareInterval = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan LongestGather = TimeSpan.FromMilliseconds(40);

    private static readonly TimeSpan LeaveTimeout = TimeSpan.FromSeconds(2);

    private NpgsqlConnection? _connection;
    private readonly Lock _leaving = new();
    private ShardLocks? _shards;
    private PendingStart? _start;
    private long _sharedAt;
    private int _sent;
    private Task? _left;

    protected override string Pending =>
        $"SELECT FROM sync_events WHERE sync_status = 'pending' AND (next_attempt_at IS NULL OR next_attempt_at <= now()){(settings.Auto ? "" : " AND seq <= (SELECT up_to FROM relay_demand)")}";

    /// <summary>A millisecond for each change of the last batch: one that comes alone soon has its successor sent, a busy shop's share the cost of a message.</summary>
    protected override TimeSpan Gather => TimeSpan.FromMilliseconds(Math.Clamp(_sent, ShortestGather.TotalMilliseconds, LongestGather.TotalMilliseconds));

    /// <summary>Who has a shard sends its changes, whichever replica made them.</summary>
    protected override Task Woken => Signal.Next;

    /// <summary>Who has all shards can take none over.</summary>
    protected override TimeSpan LongestRest => _shards!.Held.Count == Topology.Shards ? base.LongestRest : ShareInterval;

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await Leave();
    }

    public async ValueTask DisposeAsync()
    {
        await Leave();
        if (_connection is not null)
        {
            await _connection.DisposeAsync();
        }

        Dispose();
    }

    protected override void Found()
    {
        _start?.LookAgain();
        base.Found();
    }

    protected override async Task Connect(CancellationToken cancel)
    {
        if (_connection is not null)
        {
            await _connection.DisposeAsync();
        }

        _connection = await Database.OpenRelaySession(cancel);
        _shards = new(_connection);
        _start = new(_connection, Time);
        await _shards.Join(cancel);
        await Share(cancel);
        Signal.ShardsMoved();
    }

    protected override async Task<Taken> SendBatch(CancellationToken cancel)
    {
        if (Signal.TakeShardsMoved() || Time.GetElapsedTime(_sharedAt) > ShareInterval)
        {
            await Share(cancel);
        }

        if (_shards!.Held.Count == 0)
        {
            return Taken.Nothing;
        }

        var (changes, poison, isAll) = await Take(cancel);
        _sent = changes.Count;
        await Task.WhenAll(changes.GroupBy(change => Topology.ChangeQueue(change.Shard))
            .Select(queue => Send(queue.Key, queue.First().Shard, [.. queue.Select(change => change.Change)], cancel)));
        if (changes.Count + poison.Count == 0)
        {
            return Taken.Nothing;
        }

        await Settle([.. changes.Select(change => change.Change.Seq)], poison, cancel);
        return isAll ? Taken.All : Taken.Some;
    }

    private async Task Share(CancellationToken cancel)
    {
        _sharedAt = Time.GetTimestamp();
        if (await _shards!.TakeFairShare(cancel))
        {
            Signal.ShardsMoved();
        }
    }

    /// <summary>
    /// Once: a host may be stopped from two sides, and disposed of from one while it still stops at the other, and a connection
    /// used by two at a time may answer neither.
    /// </summary>
    private Task Leave()
    {
        lock (_leaving)
        {
            return _left ??= _connection is { FullState: System.Data.ConnectionState.Open } connection ? Leave(connection, _shards!) : Task.CompletedTask;
        }
    }

    /// <summary>The others need not wait until the process has ended.</summary>
    private async Task Leave(NpgsqlConnection connection, ShardLocks shards)
    {
        using var timeout = new CancellationTokenSource(LeaveTimeout);
        try
        {
            await shards.Leave(timeout.Token);
            Signal.ShardsMoved();
        }
        catch (Exception)
        {
            // A batch was cut off in the middle, and the connection is in any state; the locks go with it.
            await connection.CloseAsync();
        }
    }

    private async Task<(List<(short Shard, CapturedChange Change)> Changes, List<(long Seq, string Error)> Poison, bool IsAll)> Take(CancellationToken cancel)
    {
        List<(short, CapturedChange)> changes = [];
        List<(long, string)> poison = [];
        var start = await _start!.Get(cancel);
        await using var take = new NpgsqlCommand(TakeSql, _connection)
        {
            Parameters =
            {
                new() { Value = _shards!.Held.ToArray() }, new() { Value = settings.BatchSize }, new() { Value = Database.Service }, new() { Value = settings.Auto },
                new() { Value = start },
            },
        };
        await using var row = await take.ExecuteReaderAsync(cancel);
        var batchBytes = 0;
        while (batchBytes < MaxBatchBytes && await row.ReadAsync(cancel))
        {
            var sizeBytes = row.GetInt32(15);
            if (sizeBytes > MaxChangeBytes)
            {
                poison.Add((row.GetInt64(0), $"The row has {sizeBytes} bytes; at most {MaxChangeBytes} travel. Leave its large columns out of capture."));
                continue;
            }

            batchBytes += sizeBytes;
            var (operation, data) = (row.GetString(9), row.GetString(10));
            changes.Add((row.GetInt16(14), new(
                row.GetInt64(0), row.GetGuid(1), row.GetGuid(2), row.GetString(3), row.GetString(4), row.GetString(5), row.GetString(6), row.GetString(7),
                row.GetInt64(8), operation, data, operation == "create" ? Columns(data) : row.GetString(11), row.GetString(12), row.GetFieldValue<DateTimeOffset>(13))));
        }

        return (changes, poison, batchBytes < MaxBatchBytes && changes.Count + poison.Count < settings.BatchSize);
    }

    /// <summary>A creation changes all of them, so that its capture lists none.</summary>
    private static string Columns(string row)
    {
        using var columns = JsonDocument.Parse(row, AnyDepth);
        return JsonSerializer.Serialize(columns.RootElement.EnumerateObject().Select(column => column.Name));
    }

    private Task Send(string queue, short shard, IReadOnlyList<CapturedChange> changes, CancellationToken cancel) =>
        Broker.Send(bus, queue, new ChangeBatch(Database.Service, shard, changes), mandatory: true, cancel);

    private async Task Settle(long[] sent, List<(long Seq, string Error)> poison, CancellationToken cancel)
    {
        await using var batch = new NpgsqlBatch(_connection);
        batch.BatchCommands.Add(new(DoneSql) { Parameters = { new() { Value = sent } } });
        foreach (var (seq, error) in poison)
        {
            batch.BatchCommands.Add(new(FailSql)
            {
                Parameters = { new() { Value = seq }, new() { Value = error }, new() { Value = settings.Attempts }, new() { Value = settings.Backoff.TotalSeconds } },
            });
        }

        await batch.ExecuteNonQueryAsync(cancel);
    }
}
