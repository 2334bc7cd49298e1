using System.Buffers.Text;
using System.Net.Http.Headers;

namespace OpsPlatform.Bench.Frame;

/// <summary>One browser's look at some operations, by one stream through the gateway, until their ends.</summary>
internal sealed class OperationReader : IDisposable
{
    private const int BufferBytes = 64 * 1024;
    private static readonly TimeSpan ReturnDelay = TimeSpan.FromMilliseconds(100);
    private readonly HttpClient _client;
    private readonly string _path;
    private readonly int _watched;
    private readonly Marks _marks;
    private readonly int _stride;
    private readonly Dictionary<int, int> _latest = [];
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _stop = new();

    private OperationReader(HttpClient client, IReadOnlyList<Guid> operations, Marks marks, int stride)
    {
        (_client, _watched, _marks, _stride) = (client, operations.Count, marks, stride);
        _path = $"/operations/events?{string.Join('&', operations.Select(id => $"operationId={id}"))}";
    }

    /// <summary>From each report until it or a later one of its operation was seen.</summary>
    public Samples Latency { get; private set; } = new();

    /// <summary>Events seen.</summary>
    public long States { get; private set; }

    /// <summary>Operations whose last state was seen.</summary>
    public int Ended { get; private set; }

    public bool HasEnded => Ended == _watched;

    /// <summary>Opens a stream and waits for its first event.</summary>
    /// <param name="stride">How far an operation's marks are apart.</param>
    public static async Task<OperationReader> Open(HttpClient client, IReadOnlyList<Guid> operations, Marks marks, int stride, CancellationToken cancel)
    {
        var reader = new OperationReader(client, operations, marks, stride);
        _ = Task.Run(reader.Read, CancellationToken.None);
        await reader._ready.Task.WaitAsync(TimeSpan.FromSeconds(30), cancel);
        return reader;
    }

    /// <summary>Forgets what was measured so far, as after a warm-up.</summary>
    public void Forget() => Latency = new();

    public void Dispose() => _stop.Cancel();

    private async Task Read()
    {
        while (!HasEnded && !_stop.IsCancellationRequested)
        {
            try
            {
                await ReadUntilEnded();
            }
            catch (Exception broken) when (broken is IOException or HttpRequestException or OperationCanceledException)
            {
                await Task.Delay(ReturnDelay);
            }
        }
    }

    private async Task ReadUntilEnded()
    {
        // All are told again to who comes again.
        Ended = 0;
        using var request = new HttpRequestMessage(HttpMethod.Get, _path);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, _stop.Token);
        response.EnsureSuccessStatusCode();
        await using var stream = await response.Content.ReadAsStreamAsync(_stop.Token);
        var buffer = new byte[BufferBytes];
        var held = 0;
        while (await stream.ReadAsync(buffer.AsMemory(held), _stop.Token) is > 0 and var read)
        {
            held += read;
            var taken = 0;
            while (buffer.AsSpan(taken, held - taken).IndexOf("\n\n"u8) is >= 0 and var length)
            {
                Take(buffer.AsSpan(taken, length));
                taken += length + 2;
            }

            buffer.AsSpan(taken, held - taken).CopyTo(buffer);
            held -= taken;
        }
    }

    private void Take(ReadOnlySpan<byte> frame)
    {
        if (frame.IndexOf("event: operation"u8) < 0)
        {
            return;
        }

        _ready.TrySetResult();
        States++;
        if (frame.IndexOf("\"status\":\"completed\""u8) >= 0)
        {
            Ended++;
        }

        if (frame.IndexOf("b#"u8) is >= 0 and var at && Utf8Parser.TryParse(frame[(at + 2)..], out int mark, out _))
        {
            Take(mark);
        }
    }

    /// <summary>Those that were passed over are seen by it as well.</summary>
    private void Take(int mark)
    {
        for (var seen = _latest.GetValueOrDefault(mark % _stride, mark - _stride) + _stride; seen <= mark; seen += _stride)
        {
            if (_marks.CommittedAt(seen) is > 0 and var made)
            {
                Latency.Add(made);
            }
        }

        _latest[mark % _stride] = Math.Max(mark, _latest.GetValueOrDefault(mark % _stride, mark));
    }
}
