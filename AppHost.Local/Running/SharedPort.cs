using System.Buffers;
using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;

namespace Aspire.Hosting.Running;

/// <summary>
/// One port in front of the replicas of a resource, as Aspire's orchestrator keeps one: each connection goes to the next
/// replica that takes it. Bytes pass as they come. While no replica can serve, nothing listens and callers are refused.
/// </summary>
internal sealed class SharedPort(int port) : IAsyncDisposable
{
    private const int MaxConnections = 8_192;
    private const int BufferBytes = 32 * 1024;
    private const int Backlog = 512;
    private static readonly TimeSpan _connectTimeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan _acceptPause = TimeSpan.FromMilliseconds(100);

    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _free = new(MaxConnections);
    private readonly ConcurrentDictionary<Socket, bool> _open = new();
    private ImmutableArray<int> _targets = [];
    private List<Socket> _listeners = [];
    private uint _next;

    /// <summary>False while another program has the port.</summary>
    public bool IsFreeOrOwn()
    {
        // Trying it takes it for a moment, in which neither another replica's try nor the listening may fall.
        lock (_lock)
        {
            return !_targets.IsEmpty || PortAllocator.IsFree(port);
        }
    }

    /// <summary>From now on connections go to this replica too.</summary>
    /// <exception cref="DistributedApplicationException">The port is another program's.</exception>
    public void Add(int target)
    {
        lock (_lock)
        {
            if (_targets.Contains(target))
            {
                return;
            }

            _targets = _targets.Add(target);
            if (_targets.Length == 1)
            {
                Listen();
            }
        }
    }

    /// <summary>No new connection goes to this replica; those it has go on.</summary>
    public void Remove(int target)
    {
        lock (_lock)
        {
            _targets = _targets.Remove(target);
            if (_targets.IsEmpty)
            {
                Close();
            }
        }
    }

    public ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            _targets = [];
            Close();
        }

        foreach (var socket in _open.Keys)
        {
            socket.Dispose();
        }

        _free.Dispose();
        return ValueTask.CompletedTask;
    }

    private void Listen()
    {
        foreach (var address in (IPAddress[])[IPAddress.Loopback, IPAddress.IPv6Loopback])
        {
            if (!PortAllocator.Patiently(() => TryListen(address)))
            {
                Close();
                _targets = [];
                throw new DistributedApplicationException($"port {port} is in use by another program");
            }
        }
    }

    private bool TryListen(IPAddress address)
    {
        var listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            listener.Bind(new IPEndPoint(address, port));
            listener.Listen(Backlog);
        }
        catch (SocketException e)
        {
            listener.Dispose();
            // A machine without IPv6.
            return e.SocketErrorCode == SocketError.AddressNotAvailable;
        }

        _listeners.Add(listener);
        _ = AcceptAsync(listener);
        return true;
    }

    private void Close()
    {
        _listeners.ForEach(listener => listener.Dispose());
        _listeners = [];
    }

    private async Task AcceptAsync(Socket listener)
    {
        try
        {
            do
            {
                await _free.WaitAsync();
            }
            while (await AcceptOneAsync(listener));
        }
        catch (ObjectDisposedException)
        {
            // The application stops.
        }
    }

    private bool IsOpen(Socket listener)
    {
        lock (_lock)
        {
            return _listeners.Contains(listener);
        }
    }

    /// <returns>False when nobody is to be let in any more.</returns>
    private async Task<bool> AcceptOneAsync(Socket listener)
    {
        try
        {
            _ = ServeAsync(await listener.AcceptAsync());
            return true;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            Leave();
            if (!IsOpen(listener))
            {
                return false;
            }

            // The caller hung up before its turn, or the process is short of file descriptors: the next one may be luckier.
            await Task.Delay(_acceptPause);
            return true;
        }
    }

    private async Task ServeAsync(Socket client)
    {
        Socket? replica = null;
        _open[client] = true;
        try
        {
            client.NoDelay = true;
            replica = await ConnectAsync();
            if (replica is not null)
            {
                _open[replica] = true;
                await Task.WhenAll(CopyAsync(client, replica), CopyAsync(replica, client));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // One side broke off, and so the other hears it: a broken answer must not look like a whole one.
            Break(client);
            Break(replica);
        }
        finally
        {
            _open.TryRemove(client, out _);
            client.Dispose();
            if (replica is not null)
            {
                _open.TryRemove(replica, out _);
                replica.Dispose();
            }

            Leave();
        }
    }

    private async Task<Socket?> ConnectAsync()
    {
        var targets = _targets;
        var first = Interlocked.Increment(ref _next);
        for (var i = 0; i < targets.Length; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            using var timeout = new CancellationTokenSource(_connectTimeout);
            try
            {
                await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, targets[(int)((first + i) % targets.Length)]), timeout.Token);
                return socket;
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException)
            {
                socket.Dispose();
            }
        }

        return null;
    }

    /// <summary>Until the sender has said all; the other direction may go on.</summary>
    private static async Task CopyAsync(Socket from, Socket to)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            int received;
            while ((received = await from.ReceiveAsync(buffer.AsMemory(), SocketFlags.None)) > 0)
            {
                for (var sent = 0; sent < received;)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, received - sent), SocketFlags.None);
                }
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch
        {
            Break(from);
            Break(to);
            throw;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static void Break(Socket? socket)
    {
        try
        {
            socket?.Close(timeout: 0);
        }
        catch (SocketException)
        {
            // It is broken already.
        }
    }

    private void Leave()
    {
        try
        {
            _free.Release();
        }
        catch (ObjectDisposedException)
        {
            // The application stops.
        }
    }
}
