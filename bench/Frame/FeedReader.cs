using System.Buffers.Text;
using System.Net.Http.Headers;

namespace OpsPlatform.Bench.Frame;

/// <summary>One subscriber of the feed through the gateway, or of its bare likeness. Parses each event's name, position and mark, without making objects.</summary>
internal sealed class FeedReader : IDisposable
{
    private const int BufferBytes = 256 * 1024;
    private readonly HttpResponseMessage _response;
    private readonly Stream _stream;
    private readonly Marks _marks;
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _stop = new();
    private Task _reading = Task.CompletedTask;
    private long _position;
    private long _bytes;

    private FeedReader(HttpResponseMessage response, Stream stream, Marks marks)
    {
        _response = response;
        _stream = stream;
        _marks = marks;
    }

    public Samples Latency { get; private set; } = new();

    /// <summary>Changes that bore a mark.</summary>
    public int Received { get; private set; }

    /// <summary>Positions that were passed over.</summary>
    public long Holes { get; private set; }

    /// <summary>Told to come again, or cut off.</summary>
    public bool WasEnded { get; private set; }

    /// <summary>Of the frames that bore a mark, on average.</summary>
    public int FrameBytes => Received == 0 ? 0 : (int)(_bytes / Received);

    /// <summary>Opens a stream and waits until it is live.</summary>
    public static async Task<FeedReader> Open(HttpClient client, string path, Marks marks, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
        response.EnsureSuccessStatusCode();
        var reader = new FeedReader(response, await response.Content.ReadAsStreamAsync(cancel), marks);
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
        _stream.Dispose();
        _response.Dispose();
        _stop.Dispose();
    }

    private async Task Read()
    {
        var buffer = new byte[BufferBytes];
        var held = 0;
        try
        {
            while (await _stream.ReadAsync(buffer.AsMemory(held), _stop.Token) is > 0 and var read)
            {
                held += read;
                var taken = Parse(buffer.AsSpan(0, held));
                buffer.AsSpan(taken, held - taken).CopyTo(buffer);
                held -= taken;
            }

            WasEnded = true;
        }
        catch (Exception) when (_stop.IsCancellationRequested)
        {
            // The benchmark has seen enough.
        }
        catch (Exception broken) when (broken is IOException or HttpRequestException)
        {
            WasEnded = true;
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
            _position = Position(frame[(frame.IndexOf("id: "u8) + 4)..]);
            _ready.TrySetResult();
        }
        else if (frame.IndexOf("event: resume"u8) >= 0 || frame.IndexOf("event: reset"u8) >= 0)
        {
            WasEnded = true;
        }
    }

    private static long Position(ReadOnlySpan<byte> text) =>
        Utf8Parser.TryParse(text, out long position, out _) ? position : throw new InvalidDataException("An event of the feed has no position.");
}
