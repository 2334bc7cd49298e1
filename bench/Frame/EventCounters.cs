using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace OpsPlatform.Bench.Frame;

/// <summary>
/// Follows the runtime counters of another .NET process over its diagnostic socket, as dotnet-counters does: once a second each
/// counter comes with what it rose by.
/// See https://github.com/dotnet/diagnostics/blob/main/documentation/design-docs/ipc-protocol.md.
/// </summary>
internal sealed class EventCounters : IAsyncDisposable
{
    private const byte EventPipe = 2;
    private const byte CollectTracing2 = 3;
    private const byte StopTracing = 1;
    private const int HeaderBytes = 20;
    private const uint BufferMegabytes = 1;
    private const uint NetTrace = 1;
    private const uint Informational = 4;
    private const int MaxHeldBytes = 64 * 1024;
    private static readonly byte[] Magic = [.. "DOTNET_IPC_V1"u8, 0];
    private static readonly TimeSpan StoppedWithin = TimeSpan.FromSeconds(5);

    private readonly string _socket;
    private readonly NetworkStream _stream;
    private readonly ulong _session;
    private readonly Dictionary<string, byte[]> _wanted;
    private readonly Dictionary<string, (double Rise, double Seconds)> _seen = [];
    private readonly Task _reading;

    private EventCounters(string socket, NetworkStream stream, ulong session, IEnumerable<string> counters)
    {
        _socket = socket;
        _stream = stream;
        _session = session;
        _wanted = counters.ToDictionary(name => name, name => Encoding.Unicode.GetBytes(name + "\0"));
        _reading = Task.Run(Read);
    }

    /// <returns>Null for a process that has no such socket, or is gone.</returns>
    public static async Task<EventCounters?> Follow(int pid, IEnumerable<string> counters, CancellationToken cancel)
    {
        if (Directory.EnumerateFiles(Path.GetTempPath(), $"dotnet-diagnostic-{pid}-*-socket").Order().LastOrDefault() is not { } socket)
        {
            return null;
        }

        try
        {
            var (stream, session) = await Ask(socket, CollectTracing2, Request(), cancel);
            return new(socket, stream, session, counters);
        }
        catch (Exception gone) when (gone is SocketException or IOException)
        {
            return null;
        }
    }

    /// <summary>What a counter rose by a second; null when it never came.</summary>
    public double? PerSecond(string counter)
    {
        lock (_seen)
        {
            return _seen.TryGetValue(counter, out var seen) && seen.Seconds > 0 ? seen.Rise / seen.Seconds : null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        using var patience = new CancellationTokenSource(StoppedWithin);
        try
        {
            var (stream, _) = await Ask(_socket, StopTracing, BitConverter.GetBytes(_session), patience.Token);
            await stream.DisposeAsync();
            await _reading.WaitAsync(patience.Token);
        }
        catch (Exception gone) when (gone is SocketException or IOException or OperationCanceledException)
        {
            // The process ended first; then so did the session.
        }

        await _stream.DisposeAsync();
    }

    private static byte[] Request()
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        void Write(string text)
        {
            writer.Write((uint)text.Length + 1);
            writer.Write(Encoding.Unicode.GetBytes(text + "\0"));
        }

        writer.Write(BufferMegabytes);
        writer.Write(NetTrace);
        // No rundown: the list of all methods at the end would cost more than all that is counted.
        writer.Write(false);
        writer.Write(1u);
        writer.Write(ulong.MaxValue);
        writer.Write(Informational);
        Write("System.Runtime");
        Write("EventCounterIntervalSec=1");
        return bytes.ToArray();
    }

    private static async Task<(NetworkStream Stream, ulong Answer)> Ask(string path, byte command, byte[] payload, CancellationToken cancel)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancel);
            var stream = new NetworkStream(socket, ownsSocket: true);
            var message = new byte[HeaderBytes + payload.Length];
            Magic.CopyTo(message, 0);
            BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(14), (ushort)message.Length);
            message[16] = EventPipe;
            message[17] = command;
            payload.CopyTo(message, HeaderBytes);
            await stream.WriteAsync(message, cancel);
            var answer = new byte[HeaderBytes + sizeof(ulong)];
            await stream.ReadExactlyAsync(answer, cancel);
            return (stream, BinaryPrimitives.ReadUInt64LittleEndian(answer.AsSpan(HeaderBytes)));
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task Read()
    {
        var buffer = new byte[MaxHeldBytes];
        var held = 0;
        try
        {
            while (await _stream.ReadAsync(buffer.AsMemory(held)) is > 0 and var read)
            {
                held += read;
                var taken = Take(buffer.AsSpan(0, held));
                // A counter may be cut in two; what is longer than any counter holds none.
                taken = Math.Max(taken, held - (MaxHeldBytes / 2));
                buffer.AsSpan(taken, held - taken).CopyTo(buffer);
                held -= taken;
            }
        }
        catch (Exception gone) when (gone is IOException or ObjectDisposedException)
        {
            // The process ended.
        }
    }

    /// <summary>A counter's payload begins with its name, its title and the scale of its rate, then the rise and the seconds it took.</summary>
    /// <returns>Where the last whole one ended.</returns>
    private int Take(ReadOnlySpan<byte> bytes)
    {
        var taken = 0;
        foreach (var (name, marker) in _wanted)
        {
            for (var from = 0; bytes[from..].IndexOf(marker) is >= 0 and var at;)
            {
                from += at + marker.Length;
                if (AfterText(bytes, AfterText(bytes, from)) is var rise && rise + sizeof(double) + sizeof(float) <= bytes.Length)
                {
                    var increment = MemoryMarshal.Read<double>(bytes[rise..]);
                    var seconds = MemoryMarshal.Read<float>(bytes[(rise + sizeof(double))..]);
                    lock (_seen)
                    {
                        var before = _seen.GetValueOrDefault(name);
                        _seen[name] = (before.Rise + increment, before.Seconds + seconds);
                    }

                    taken = Math.Max(taken, from);
                }
            }
        }

        return taken;
    }

    /// <returns>Beyond the end when the text is not whole yet.</returns>
    private static int AfterText(ReadOnlySpan<byte> bytes, int from)
    {
        var at = from;
        while (at + 1 < bytes.Length && (bytes[at] != 0 || bytes[at + 1] != 0))
        {
            at += 2;
        }

        return at + 2;
    }
}
