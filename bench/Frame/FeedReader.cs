using System.Buffers.Text;
using System.Globalization;
using System.Net.Http.Headers;

namespace OpsPlatform.Bench.Frame;

/// <summary>
/// One subscriber of the feed through the gateway, or of its bare likeness; comes again from where it was when it is told to or cut off. Parses each
/// event's name, position and mark, without making objects.
/// </summary>
internal sealed class FeedReader : IDisposable
{
    private const int BufferBytes = 256 * 1024;
    private static readonly TimeSpan ReturnDelay = TimeSpan.FromMilliseconds(100);
    private readonly HttpClient _client;
    private readonly string _path;
    private readonly Marks _marks;
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _stop = new();
    private Task _reading = Task.CompletedTask;
    private long _position;
    private long _bytes;

    private FeedReader(HttpClient client, string path, Marks marks)
    {
        _client = client;
        _path = path;
        _marks = marks;
    }

    public Samples Latency { get; private set; } = new();

    /// <summary>Changes that bore a mark.</summary>
    public int Received { get; private set; }

    /// <summary>Positions that were passed over.</summary>
    public long Holes { get; private set; }

    /// <summary>How often it was told to come again, or cut off.</summary>
    public int Returns { get; private set; }

    /// <summary>Of the frames that bore a mark, on average.</summary>
    public int FrameBytes => Received == 0 ? 0 : (int)(_bytes / Received);

    /// <summary>Opens a stream and waits until it is live.</summary>
    public static async Task<FeedReader> Open(HttpClient client, string path, Marks marks, CancellationToken cancel)
    {
        var reader = new FeedReader(client, path, marks);
        reader._reading = Task.Run(reader.Read, CancellationToken.None);
        await reader._ready.Task.WaitAsync(TimeSpan.FromSeconds(30), cancel);
        return reader;
    }

    /// <param name="place">Whose client the nth one reads with, and where.</param>
    public static async Task<FeedReader[]> Open(int count, Func<int, (HttpClient Client, string Path)> place, Marks marks, CancellationToken cancel)
    {
        var readers = new FeedReader[count];
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = cancel }, async (i, stop) =>
            readers[i] = await Open(place(i).Client, place(i).Path, marks, stop));
        return readers;
    }

    public static Samples LatencyOf(IEnumerable<FeedReader> readers)
    {
        var latency = new Samples();
        foreach (var reader in readers)
        {
            latency.Add(reader.Latency);
        }

        return latency;
    }

    /// <summary>Forgets what was measured so far, as after a warm-up.</summary>
    public void Forget() => Latency = new();

    public void Dispose()
    {
        _stop.Cancel();
        _reading.ContinueWith(_ => _stop.Dispose(), TaskScheduler.Default);
    }

    private async Task Read()
    {
        while (true)
        {
            try
            {
                await ReadUntilEnded();
            }
            catch (Exception) when (_stop.IsCancellationRequested)
            {
                // The benchmark has seen enough.
                return;
            }
            catch (Exception broken) when (broken is IOException or HttpRequestException)
            {
                await Task.Delay(ReturnDelay);
            }

            Returns++;
        }
    }

    private async Task ReadUntilEnded()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, _path);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        if (_position > 0)
        {
            request.Headers.Add("Last-Event-ID", _position.ToString(CultureInfo.InvariantCulture));
        }

        using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, _stop.Token);
        response.EnsureSuccessStatusCode();
        await using var stream = await response.Content.ReadAsStreamAsync(_stop.Token);
        var buffer = new byte[BufferBytes];
        var held = 0;
        while (await stream.ReadAsync(buffer.AsMemory(held), _stop.Token) is > 0 and var read)
        {
            held += read;
            var taken = Parse(buffer.AsSpan(0, held));
            buffer.AsSpan(taken, held - taken).CopyTo(buffer);
            held -= taken;
        }
    }

    /// <returns>How many bytes were whole events.</returns>
    private int Parse(ReadOnlySpan<byte> bytes)
    {
        var taken = 0;
        while (bytes[taken..].IndexOf("\n\n"u8) is >= 0 and var length)
        {
            Take(bytes.Slice(taken, length));
            taken += length + 2;
        }

        return taken;
    }

    private void Take(ReadOnlySpan<byte> frame)
    {
        if (frame.StartsWith("event: change\nid: "u8))
        {
            var position = Position(frame["event: change\nid: "u8.Length..]);
            Holes += position == _position + 1 || _position == 0 ? 0 : 1;
            _position = position;
            if (frame.IndexOf("b#"u8) is >= 0 and var at && Utf8Parser.TryParse(frame[(at + 2)..], out int mark, out _)
                && _marks.CommittedAt(mark) is > 0 and var committing)
            {
                Received++;
                _bytes += frame.Length;
                Latency.Add(committing);
            }
        }
        else if (frame.StartsWith("event: ready"u8) || frame.IndexOf("\nevent: ready"u8) >= 0)
        {
            _position = Math.Max(_position, Position(frame[(frame.IndexOf("id: "u8) + 4)..]));
            _ready.TrySetResult();
        }
    }

    private static long Position(ReadOnlySpan<byte> text) =>
        Utf8Parser.TryParse(text, out long position, out _) ? position : throw new InvalidDataException("An event of the feed has no position.");
}
