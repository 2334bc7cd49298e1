using System.Buffers.Text;
using System.Net.Http.Headers;

namespace OpsPlatform.Bench.Frame;

/// <summary>One browser's look at one operation, by its stream through the gateway, until its end.</summary>
internal sealed class OperationReader : IDisposable
{
    private const int BufferBytes = 16 * 1024;
    private static readonly TimeSpan ReturnDelay = TimeSpan.FromMilliseconds(100);
    private readonly HttpClient _client;
    private readonly string _path;
    private readonly Marks _marks;
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _stop = new();

    private OperationReader(HttpClient client, string path, Marks marks) => (_client, _path, _marks) = (client, path, marks);

    public Samples Latency { get; private set; } = new();

    /// <summary>The last state was seen.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>Opens a stream and waits for its first event.</summary>
    public static async Task<OperationReader> Open(HttpClient client, Guid operation, Marks marks, CancellationToken cancel)
    {
        var reader = new OperationReader(client, $"/operations/{operation}/events", marks);
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
        HasEnded |= frame.IndexOf("\"status\":\"completed\""u8) >= 0;
        if (!HasEnded && frame.IndexOf("b#"u8) is >= 0 and var at && Utf8Parser.TryParse(frame[(at + 2)..], out int mark, out _) && _marks.CommittedAt(mark) is > 0 and var made)
        {
            Latency.Add(made);
        }
    }
}
