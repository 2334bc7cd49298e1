using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Aspire.Hosting.Running;

internal static class PortAllocator
{
    // Below Linux's ephemeral range, so that no outgoing connection takes the port while its process restarts.
    private const int LowestPort = 15_000;
    private const int HighestPort = 32_000;
    private const int MaxTries = 1_000;
    private const int MaxBindTries = 25;
    private static readonly TimeSpan _bindPause = TimeSpan.FromMilliseconds(10);

    private static readonly Lock _lock = new();
    private static readonly HashSet<int> _taken = [];

    public static int Free()
    {
        lock (_lock)
        {
            for (var tries = 0; tries < MaxTries; tries++)
            {
                var port = RandomNumberGenerator.GetInt32(LowestPort, HighestPort);
                if (!_taken.Contains(port) && CanBind(port))
                {
                    _taken.Add(port);
                    return port;
                }
            }
        }

        throw new DistributedApplicationException($"No free port was found between {LowestPort} and {HighestPort}.");
    }

    /// <summary>False while another program has the port.</summary>
    public static bool IsFree(int port) => Patiently(() => CanBind(port));

    /// <summary>
    /// Tries some times: a process that is being started has a copy of every socket open here until it runs its own program, and so
    /// keeps a port for a moment that was given back already.
    /// </summary>
    public static bool Patiently(Func<bool> bind)
    {
        for (var tries = 1; tries < MaxBindTries; tries++)
        {
            if (bind())
            {
                return true;
            }

            Thread.Sleep(_bindPause);
        }

        return bind();
    }

    private static bool CanBind(int port) => CanBind(IPAddress.Loopback, port) && CanBind(IPAddress.IPv6Loopback, port);

    private static bool CanBind(IPAddress address, int port)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(address, port));
            socket.Listen();
            return true;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode == SocketError.AddressNotAvailable;
        }
    }
}
