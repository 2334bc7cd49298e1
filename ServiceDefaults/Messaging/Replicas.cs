using System.Collections.Concurrent;
using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>
/// Tells the other replicas of this service what has just been committed, by NOTIFY on the service's own database. Notices
/// may be lost, so a poll stands behind each of them. One replica alone sends none.
/// </summary>
public sealed partial class Replicas(ServiceDatabase database, TimeProvider time, ILogger<Replicas> log) : BackgroundService
{
    private const string Channel = "replicas";

    /// <summary>What a replica says as soon as it listens.</summary>
    public const string Here = "here";

    /// <summary>PostgreSQL takes less than 8000 bytes.</summary>
    private const int MaxPayloadBytes = 7_900;

    /// <summary>Notices held while one is on its way; more than these are dropped, and the polls find what they were about.</summary>
    private const int MaxWaiting = 10_000;

    /// <summary>NOTIFY commits under a lock of the whole cluster, so what comes within this time goes together.</summary>
    private static readonly TimeSpan Coalesce = TimeSpan.FromMilliseconds(5);

    /// <summary>A replica that was killed cannot say that it is gone.</summary>
    private static readonly TimeSpan CountInterval = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    /// <summary>Counts the sessions that hold the same shared lock, one for each replica that listens.</summary>
    private const string CountSql = """
        SELECT count(*) FROM pg_locks
        WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND classid::bigint = hashtext('opsplatform replicas')::bigint & 4294967295 AND objid = 0
        """;

    private readonly string _self = Guid.NewGuid().ToString("N")[..12];
    private readonly Channel<(string Topic, string Text)> _waiting =
        System.Threading.Channels.Channel.CreateBounded<(string, string)>(new BoundedChannelOptions(MaxWaiting) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private readonly ConcurrentDictionary<string, Action<string>> _listeners = new();
    private volatile int _count;
    private bool _isCountDue;

    /// <summary>True while what other replicas tell is heard, so that polls may be slow.</summary>
    public bool IsListening => _count > 0;

    /// <summary>Replicas of this service that listen, this one included; 0 while this one does not.</summary>
    public int Count => _count;

    /// <param name="heard">Gets each text another replica told, in its order; must return at once.</param>
    public void Hear(string topic, Action<string> heard) => _listeners[topic] = heard;

    /// <summary>Call it after the commit. Same texts told within five milliseconds are told once.</summary>
    /// <param name="text">Without line ends; at most some hundred bytes.</param>
    public void Tell(string topic, string text = "")
    {
        // Who joins says so, and until it has been heard its own polls find what was not told.
        if (_count > 1)
        {
            _waiting.Writer.TryWrite((topic, text));
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        await Task.WhenAll(KeepUp("listening", Listen, stoppingToken), KeepUp("telling", Send, stoppingToken));
    }

    private async Task KeepUp(string what, Func<CancellationToken, Task> work, CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                await work(cancel);
            }
            catch (Exception exception) when (!cancel.IsCancellationRequested)
            {
                Interrupted(what, exception.Message);
                await Task.Delay(RetryDelay, time, cancel);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task Listen(CancellationToken cancel)
    {
        await using var connection = await database.OpenRelaySession(cancel);
        connection.Notification += (_, notice) => Take(notice.Payload);
        try
        {
            await using (var join = new NpgsqlCommand($"SELECT pg_advisory_lock_shared(hashtext('opsplatform replicas'), 0); LISTEN {Channel}", connection))
            {
                await join.ExecuteNonQueryAsync(cancel);
            }

            await CountReplicas(connection, cancel);
            await Notify(connection, [$"{_self}\n{Here}"], cancel);
            var counted = time.GetTimestamp();
            while (true)
            {
                await connection.WaitAsync(CountInterval, cancel);
                if (_isCountDue || time.GetElapsedTime(counted) >= CountInterval)
                {
                    _isCountDue = false;
                    await CountReplicas(connection, cancel);
                    counted = time.GetTimestamp();
                }
            }
        }
        finally
        {
            _count = 0;
        }
    }

    private void Take(string payload)
    {
        var lines = payload.Split('\n');
        if (lines[0] == _self)
        {
            return;
        }

        foreach (var line in lines.Skip(1))
        {
            var space = line.IndexOf(' ', StringComparison.Ordinal);
            var (topic, text) = space < 0 ? (line, "") : (line[..space], line[(space + 1)..]);
            if (topic == Here)
            {
                _isCountDue = true;
            }

            if (_listeners.TryGetValue(topic, out var heard))
            {
                heard(text);
            }
        }
    }

    private async Task CountReplicas(NpgsqlConnection connection, CancellationToken cancel)
    {
        await using var count = new NpgsqlCommand(CountSql, connection);
        _count = Math.Max(1, Convert.ToInt32(await count.ExecuteScalarAsync(cancel)));
    }

    private async Task Send(CancellationToken cancel)
    {
        await _waiting.Reader.WaitToReadAsync(cancel);
        await using var connection = await database.OpenRelaySession(cancel);
        while (await _waiting.Reader.WaitToReadAsync(cancel))
        {
            await Notify(connection, Payloads(), cancel);
            await Task.Delay(Coalesce, time, cancel);
        }
    }

    private List<string> Payloads()
    {
        HashSet<string> lines = [];
        while (_waiting.Reader.TryRead(out var notice))
        {
            lines.Add(notice.Text.Length == 0 ? notice.Topic : $"{notice.Topic} {notice.Text}");
        }

        List<string> payloads = [];
        var payload = new StringBuilder(_self);
        foreach (var line in lines)
        {
            if (payload.Length + line.Length + 1 > MaxPayloadBytes)
            {
                payloads.Add(payload.ToString());
                payload.Clear().Append(_self);
            }

            payload.Append('\n').Append(line);
        }

        payloads.Add(payload.ToString());
        return payloads;
    }

    private static async Task Notify(NpgsqlConnection connection, List<string> payloads, CancellationToken cancel)
    {
        await using var notify = new NpgsqlCommand($"SELECT pg_notify('{Channel}', text) FROM unnest($1::text[]) text", connection)
        {
            Parameters = { new() { Value = payloads.ToArray() } },
        };
        await notify.ExecuteNonQueryAsync(cancel);
    }

    [LoggerMessage(LogLevel.Warning, "{What} to the other replicas was interrupted, polls stand in: {Reason}")]
    private partial void Interrupted(string what, string reason);
}
