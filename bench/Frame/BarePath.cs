using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Threading.Channels;
using Microsoft.AspNetCore.Http;
using Npgsql;

namespace OpsPlatform.Bench.Frame;

/// <summary>
/// The way of a change with nothing but what cannot be left out: an UPDATE and its COMMIT, a bare durable queue with confirms, and
/// event streams through a bare proxy to the same readers.
/// </summary>
internal sealed class BarePath : IAsyncDisposable
{
    public const string Told =
        "as many changes of the same size to as many subscribers, by an UPDATE without triggers, a bare durable queue and event streams through a bare YARP";

    private const int Writers = 24;
    private const int Rows = 200;
    private const int MaxWaiting = 500;
    private const int GroupBytes = sizeof(int);
    private const double WarmUpShare = 0.25;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly List<ChannelWriter<byte[]>>[] _streams;
    private readonly long[] _positions;
    private readonly int _frameBytes;
    private NpgsqlDataSource _database = null!;
    private BareQueue _queue = null!;
    private BareWeb _web = null!;

    private BarePath(int groups, int frameBytes)
    {
        _streams = [.. Enumerable.Range(0, groups).Select(_ => new List<ChannelWriter<byte[]>>())];
        _positions = new long[groups];
        _frameBytes = frameBytes;
    }

    /// <param name="groups">Of subscribers; a change goes to all of one group, of each in turn.</param>
    /// <returns>From just before a COMMIT until a subscriber had parsed the frame.</returns>
    public static async Task<Samples> Measure(
        BenchSystem system, int groups, int each, double perSecond, TimeSpan duration, int frameBytes, CancellationToken cancel)
    {
        await using var path = await Open(system, groups, frameBytes, cancel);
        using var client = new HttpClient { BaseAddress = path._web.Address };
        var marks = new Marks((int)(perSecond * duration.TotalSeconds * (1 + WarmUpShare)) + 16);
        var readers = await FeedReader.Open(groups * each, i => (client, $"/feed/{i / each}"), marks, cancel);
        try
        {
            var sent = 0;
            Task Change(long due) => path.Change(Interlocked.Increment(ref sent), marks, cancel);
            await Load.Open(perSecond, duration * WarmUpShare, Change, MaxWaiting, cancel);
            foreach (var reader in readers)
            {
                reader.Forget();
            }

            await Load.Open(perSecond, duration, Change, MaxWaiting, cancel);
            await Arrived(readers, (long)sent * each, cancel);
            return FeedReader.LatencyOf(readers);
        }
        finally
        {
            foreach (var reader in readers)
            {
                reader.Dispose();
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _queue.DisposeAsync();
        foreach (var stream in _streams.SelectMany(group => group))
        {
            stream.TryComplete();
        }

        await _web.DisposeAsync();
        await _database.DisposeAsync();
    }

    private static async Task<BarePath> Open(BenchSystem system, int groups, int frameBytes, CancellationToken cancel)
    {
        var shadow = await Shadow.Create(system, "bench_path", cancel);
        var path = new BarePath(groups, frameBytes) { _database = shadow.Database(Writers) };
        await Shadow.Execute(path._database, $"CREATE TABLE things (id int PRIMARY KEY, name text); INSERT INTO things SELECT n, '' FROM generate_series(0, {Rows - 1}) n", cancel);
        path._queue = await BareQueue.Open(system, path.Broadcast, cancel);
        path._web = await BareWeb.Start("/feed/{group:int}", path.Stream, cancel);
        return path;
    }

    private static async Task Arrived(FeedReader[] readers, long frames, CancellationToken cancel)
    {
        var since = Stopwatch.GetTimestamp();
        while (readers.Sum(reader => (long)reader.Received) < frames && Stopwatch.GetElapsedTime(since) < Patience)
        {
            await Task.Delay(20, cancel);
        }
    }

    private async Task Change(int number, Marks marks, CancellationToken cancel)
    {
        var mark = marks.Next();
        await using (var connection = await _database.OpenConnectionAsync(cancel))
        {
            await using var transaction = await connection.BeginTransactionAsync(cancel);
            await using var update = new NpgsqlCommand("UPDATE things SET name = $2 WHERE id = $1", connection, transaction)
            {
                Parameters = { new() { Value = number % Rows }, new() { Value = marks.Text(mark) } },
            };
            await update.ExecuteNonQueryAsync(cancel);
            marks.Commits(mark);
            await transaction.CommitAsync(cancel);
        }

        var body = new byte[GroupBytes + _frameBytes];
        body.AsSpan().Fill((byte)'x');
        BinaryPrimitives.WriteInt32LittleEndian(body, number % _streams.Length);
        Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"b#{mark} "), body.AsSpan(GroupBytes));
        await _queue.Publish(body, cancel);
    }

    private void Broadcast(ReadOnlyMemory<byte> body)
    {
        var group = BinaryPrimitives.ReadInt32LittleEndian(body.Span);
        byte[] frame = [.. Encoding.ASCII.GetBytes($"event: change\nid: {++_positions[group]}\ndata: "), .. body.Span[GroupBytes..], .. "\n\n"u8];
        lock (_streams[group])
        {
            foreach (var stream in _streams[group])
            {
                stream.TryWrite(frame);
            }
        }
    }

    private async Task Stream(HttpContext context, int group)
    {
        // One reader takes it as fast as it comes, so that it stays near empty.
        var frames = Channel.CreateUnbounded<byte[]>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
        context.Response.ContentType = "text/event-stream";
        lock (_streams[group])
        {
            _streams[group].Add(frames.Writer);
        }

        context.Response.BodyWriter.Write("event: ready\nid: 0\n\n"u8);
        await context.Response.BodyWriter.FlushAsync();
        try
        {
            while (await frames.Reader.WaitToReadAsync(context.RequestAborted))
            {
                while (frames.Reader.TryRead(out var frame))
                {
                    context.Response.BodyWriter.Write(frame);
                }

                await context.Response.BodyWriter.FlushAsync();
            }
        }
        catch (OperationCanceledException)
        {
            // The reader has seen enough.
        }
    }
}
