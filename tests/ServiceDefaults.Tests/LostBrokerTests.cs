using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Tests.Sample;
using OpsPlatform.Testing;

namespace OpsPlatform.ServiceDefaults.Tests;

/// <summary>A broker whose connections break at any moment, or stay open and say nothing more.</summary>
public sealed class LostBrokerTests(ITestOutputHelper output) : IAsyncLifetime
{
    private static readonly TimeSpan Breaking = TimeSpan.FromSeconds(6);

    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    private readonly UnreliableFixture _fixture = new();
    private readonly Guid _org = Guid.NewGuid();

    public ValueTask InitializeAsync() => _fixture.InitializeAsync();

    public async ValueTask DisposeAsync()
    {
        _fixture.Line.Speak();
        await _fixture.DisposeAsync();
        _fixture.Line.Dispose();
    }

    [Fact]
    public async Task What_was_written_while_connections_broke_is_sent_once_they_last()
    {
        var random = new Random(20261121);
        using var client = _fixture.Client(_org);
        var started = Stopwatch.GetTimestamp();
        var cuts = 0;
        var breaking = Task.Run(async () =>
        {
            for (; Stopwatch.GetElapsedTime(started) < Breaking; cuts++)
            {
                await Task.Delay(random.Next(20, 500));
                _fixture.Line.Cut(awayFor: TimeSpan.FromMilliseconds(random.Next(0, 200)));
            }
        });
        var written = 0;
        while (!breaking.IsCompleted)
        {
            (await client.PostAsJsonAsync("/notes", new { text = $"{written++}" })).EnsureSuccessStatusCode();
        }

        await breaking;
        await using var session = await _fixture.OpenAs("relay");
        await Eventually.Is(() => Unsent(session), unsent => unsent == 0, TimeSpan.FromSeconds(60));
        output.WriteLine($"{written} notes, {cuts} times cut");
        cuts.ShouldBeGreaterThan(5);
    }

    [Fact]
    public async Task A_broker_that_confirms_nothing_is_waited_for_only_so_long()
    {
        var bus = _fixture.Services.GetRequiredService<IBus>();
        var nothing = new ChangeBatch("orders", 0, [], Guid.NewGuid());
        await Messaging.Broker.Send(bus, Topology.ChangeQueue(0), nothing, mandatory: true, CancellationToken.None);
        _fixture.Line.Silence();

        var sending = Messaging.Broker.Send(bus, Topology.ChangeQueue(0), nothing, mandatory: true, CancellationToken.None);

        await Should.ThrowAsync<TimeoutException>(sending.WaitAsync(TimeSpan.FromSeconds(30)));
        sending.IsCompleted.ShouldBeTrue("the wait must end by itself, not by this test's patience");
    }

    [Theory]
    [InlineData(3)]
    [InlineData(300)]
    public async Task Connections_that_end_before_they_are_open_are_made_anew_until_one_lasts(int saidBytes)
    {
        using var client = _fixture.Client(_org);
        (await client.PostAsJsonAsync("/notes", new { text = "sent before" })).EnsureSuccessStatusCode();
        await using var session = await _fixture.OpenAs("relay");
        await Eventually.Is(() => Unsent(session), unsent => unsent == 0, TimeSpan.FromSeconds(60));

        _fixture.Line.EndAfter(saidBytes);
        (await client.PostAsJsonAsync("/notes", new { text = "written meanwhile" })).EnsureSuccessStatusCode();
        await Eventually.Is(() => Task.FromResult(_fixture.Line.Ended), ended => ended >= 6, TimeSpan.FromSeconds(60));
        _fixture.Line.Last();

        await Eventually.Is(() => Unsent(session), unsent => unsent == 0, TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task What_came_while_connections_broke_is_applied_once_and_soon()
    {
        var random = new Random(20261122);
        using var client = _fixture.Client(_org);
        List<string> expected = [];
        for (var cut = 0; cut < 10; cut++)
        {
            // Cut with messages at work, waiting and acknowledged.
            for (var sent = random.Next(5, 60); sent > 0; sent--)
            {
                var order = Guid.NewGuid();
                expected.Add($"consumed {order}");
                await _fixture.Broker.Publish(_org, new StockConsumed(order, []));
            }

            _fixture.Line.Cut(awayFor: TimeSpan.Zero);
            await Eventually.Is(
                async () => (await client.GetFromJsonAsync<string[]>("/notes"))!.Length, heard => heard >= expected.Count, Soon);
        }

        (await client.GetFromJsonAsync<string[]>("/notes"))!.Order().ShouldBe(expected.Order());
    }

    private static async Task<long> Unsent(NpgsqlConnection session)
    {
        await using var count = new NpgsqlCommand(
            "SELECT (SELECT count(*) FROM sync_events WHERE sync_status = 'pending') + (SELECT count(*) FROM outbox)", session);
        return (long)(await count.ExecuteScalarAsync())!;
    }

    private sealed class UnreliableFixture() : ServiceFixture("orders", (settings, configure) => new RunningNotes(settings, configure))
    {
        public Line Line { get; private set; } = null!;

        protected override IEnumerable<(string Key, string Value)> Settings
        {
            get
            {
                Line = new(Messaging);
                yield return ("ConnectionStrings:messaging", new UriBuilder(Messaging) { Host = "127.0.0.1", Port = Line.Port }.Uri.ToString());
            }
        }
    }

    /// <summary>A TCP line to the broker that a test can break.</summary>
    private sealed class Line : IDisposable
    {
        private static readonly LingerOption Abruptly = new(true, 0);

        private readonly Uri _broker;
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly Lock _lock = new();
        private readonly List<Socket> _open = [];
        private DateTime _awayUntil;
        private volatile int _saidBytes = int.MaxValue;
        private int _ended;
        private TaskCompletionSource _speaks = new();

        public Line(Uri broker)
        {
            _broker = broker;
            _speaks.SetResult();
            _listener.Start();
            Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
            _ = Accept();
        }

        public int Port { get; }

        /// <summary>Connections that were ended since <see cref="EndAfter"/>.</summary>
        public int Ended => _ended;

        /// <summary>Connections end in good order once the broker has said so much on them; those that are there break.</summary>
        public void EndAfter(int saidBytes)
        {
            _saidBytes = saidBytes;
            Cut(TimeSpan.Zero);
        }

        public void Last() => _saidBytes = int.MaxValue;

        /// <summary>Connections stay, and nothing comes through them until it speaks again.</summary>
        public void Silence() => _speaks = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Speak() => _speaks.TrySetResult();

        public void Cut(TimeSpan awayFor)
        {
            lock (_lock)
            {
                _awayUntil = DateTime.UtcNow + awayFor;
                _open.ForEach(socket => socket.Dispose());
                _open.Clear();
            }
        }

        public void Dispose()
        {
            _listener.Dispose();
            Cut(TimeSpan.Zero);
        }

        private async Task Accept()
        {
            while (true)
            {
                var near = await _listener.AcceptSocketAsync();
                var saidBytes = _saidBytes;
                if (saidBytes == int.MaxValue)
                {
                    near.LingerState = Abruptly;
                }

                var far = new Socket(SocketType.Stream, ProtocolType.Tcp);
                lock (_lock)
                {
                    if (DateTime.UtcNow < _awayUntil)
                    {
                        near.Dispose();
                        continue;
                    }

                    _open.AddRange([near, far]);
                }

                await far.ConnectAsync(_broker.Host, _broker.Port);
                _ = Copy(near, far, int.MaxValue);
                _ = Copy(far, near, saidBytes);
            }
        }

        private async Task Copy(Socket from, Socket to, int mostBytes)
        {
            var buffer = new byte[65536];
            try
            {
                while (mostBytes > 0 && await from.ReceiveAsync(buffer.AsMemory(0, Math.Min(buffer.Length, mostBytes))) is var read and > 0)
                {
                    await _speaks.Task;
                    await to.SendAsync(buffer.AsMemory(0, read));
                    mostBytes -= mostBytes == int.MaxValue ? 0 : read;
                }

                if (mostBytes == 0)
                {
                    to.Shutdown(SocketShutdown.Send);
                    Interlocked.Increment(ref _ended);
                    return;
                }
            }
            catch (Exception broken) when (broken is SocketException or ObjectDisposedException)
            {
                // Cut, or ended by either side.
            }

            from.Dispose();
            to.Dispose();
        }
    }
}
