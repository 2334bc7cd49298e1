using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Aspire.Hosting;
using Aspire.Hosting.Running;

namespace OpsPlatform.AppHost.Local.Tests;

public sealed class SharedPortTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private readonly int _port = PortAllocator.Free();
    private readonly TcpListener _a = new(IPAddress.Loopback, 0);
    private readonly TcpListener _b = new(IPAddress.Loopback, 0);
    private SharedPort _shared = null!;

    public ValueTask InitializeAsync()
    {
        _shared = new SharedPort(_port);
        _a.Start();
        _b.Start();
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _shared.DisposeAsync();
        _a.Dispose();
        _b.Dispose();
    }

    [Fact]
    public async Task Connections_go_to_the_replicas_in_turn_and_past_one_that_refuses()
    {
        _shared.Add(Port(_a));
        _shared.Add(Port(_b));
        using var first = await Connect();
        using var second = await Connect();
        using (await Accept(_a))
        using (await Accept(_b))
        {
            _b.Stop();
            using var third = await Connect();
            using var fourth = await Connect();
            using var again = await Accept(_a);
            using var andAgain = await Accept(_a);
        }
    }

    [Fact]
    public void Replicas_that_start_at_once_do_not_take_the_port_from_one_another()
    {
        Parallel.For(0, 1_000, _ => _shared.IsFreeOrOwn().ShouldBeTrue());
        Parallel.For(0, 8, replica =>
        {
            _shared.Add(Port(replica % 2 == 0 ? _a : _b));
            _shared.IsFreeOrOwn().ShouldBeTrue();
        });
        _shared.Remove(Port(_a));
        _shared.Remove(Port(_b));

        using var other = new TcpListener(IPAddress.Loopback, _port);
        other.Start();
        _shared.IsFreeOrOwn().ShouldBeFalse();
    }

    [Fact]
    public void A_process_that_is_being_started_is_not_taken_for_another_program_on_the_port()
    {
        // Between fork and exec it has a copy of whatever socket is open here.
        var starting = new Thread(() =>
        {
            for (var n = 0; n < 60; n++)
            {
                using var process = Process.Start("true");
                process.WaitForExit();
            }
        });
        starting.Start();
        while (starting.IsAlive)
        {
            _shared.IsFreeOrOwn().ShouldBeTrue();
            _shared.Add(Port(_a));
            _shared.Remove(Port(_a));
        }
    }

    [Fact]
    public async Task Without_a_replica_callers_are_refused_and_with_one_again_they_are_served()
    {
        (await Should.ThrowAsync<SocketException>(Connect)).SocketErrorCode.ShouldBe(SocketError.ConnectionRefused);
        _shared.Add(Port(_a));
        using var served = await Connect();
        using var kept = await Accept(_a);
        _shared.Remove(Port(_a));
        (await Should.ThrowAsync<SocketException>(Connect)).SocketErrorCode.ShouldBe(SocketError.ConnectionRefused);

        // What was connected goes on.
        await kept.GetStream().WriteAsync("still"u8.ToArray());
        (await Read(served)).ShouldBe("still");
        _shared.Add(Port(_b));
        using var anew = await Connect();
        using var other = await Accept(_b);
    }

    [Fact]
    public async Task Each_byte_passes_as_it_comes_and_a_side_that_has_said_all_still_hears()
    {
        _shared.Add(Port(_a));
        using var client = await Connect();
        using var replica = await Accept(_a);
        for (var i = 0; i < 3; i++)
        {
            await replica.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"{i}"));
            (await Read(client)).ShouldBe($"{i}");
        }

        await client.GetStream().WriteAsync("all"u8.ToArray());
        client.Client.Shutdown(SocketShutdown.Send);
        (await Read(replica)).ShouldBe("all");
        (await Read(replica)).ShouldBe("");
        await replica.GetStream().WriteAsync("answer"u8.ToArray());
        (await Read(client)).ShouldBe("answer");
        replica.Client.Shutdown(SocketShutdown.Send);
        (await Read(client)).ShouldBe("");
    }

    [Fact]
    public async Task A_broken_connection_does_not_look_like_an_ended_one()
    {
        _shared.Add(Port(_a));
        using var client = await Connect();
        using var replica = await Accept(_a);
        await replica.GetStream().WriteAsync("half an ans"u8.ToArray());
        (await Read(client)).ShouldBe("half an ans");
        replica.Client.Close(timeout: 0);
        await Should.ThrowAsync<SocketException>(() => Read(client));
    }

    [Fact]
    public void A_port_that_another_program_has_is_named()
    {
        using var other = new TcpListener(IPAddress.Loopback, _port);
        other.Start();
        Should.Throw<DistributedApplicationException>(() => _shared.Add(Port(_a))).Message.ShouldContain($"{_port}");
    }

    private static int Port(TcpListener listener) => ((IPEndPoint)listener.LocalEndpoint).Port;

    private async Task<TcpClient> Connect()
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, _port);
        return client;
    }

    private static Task<TcpClient> Accept(TcpListener listener) => listener.AcceptTcpClientAsync().WaitAsync(Patience);

    private static async Task<string> Read(TcpClient client)
    {
        var buffer = new byte[100];
        using var timeout = new CancellationTokenSource(Patience);
        return Encoding.ASCII.GetString(buffer, 0, await client.Client.ReceiveAsync(buffer, timeout.Token));
    }
}
