using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using Npgsql;
using OpsPlatform.ServiceDefaults.Tests.Sample;
using OpsPlatform.Testing;

namespace OpsPlatform.ServiceDefaults.Tests;

/// <summary>A broker whose connections break at any moment, or stay open and say nothing more.</summary>
public sealed class LostBrokerTests(ITestOutputHelper output) : IAsyncLifetime
{
    private static readonly TimeSpan Breaking = TimeSpan.FromSeconds(int.Parse(Environment.GetEnvironmentVariable("BREAK_S") ?? "10"));

    private readonly UnreliableFixture _fixture = new();
    private readonly Guid _org = Guid.NewGuid();

    public ValueTask InitializeAsync() => _fixture.InitializeAsync();

    public async ValueTask DisposeAsync()
    {
        await _fixture.DisposeAsync();
        _fixture.Line.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Everything_is_sent_once_the_broker_stays(bool silent)
    {
        var random = new Random(20261121);
        using var client = _fixture.Client(_org);
        var watch = Stopwatch.StartNew();
        var cuts = 0;
        var breaking = Task.Run(async () =>
        {
            while (watch.Elapsed < Breaking)
            {
                await Task.Delay(random.Next(20, 700));
                cuts++;
                if (silent)
                {
                    _fixture.Line.Silence();
                    await Task.Delay(random.Next(5, 300));
                }

                _fixture.Line.Cut(TimeSpan.FromMilliseconds(random.Next(0, int.Parse(Environment.GetEnvironmentVariable("AWAY_MS") ?? "200"))));
            }
        });
        var written = 0;
        await Task.WhenAll(Enumerable.Range(0, 6).Select(async _ =>
        {
            while (!breaking.IsCompleted)
            {
                (await client.PostAsJsonAsync("/notes", new { text = $"{Interlocked.Increment(ref written)}" })).EnsureSuccessStatusCode();
                await Task.Delay(8);
            }
        }));

        await breaking;
        watch.Restart();
        await using var session = await _fixture.OpenAs("relay");
        await Eventually.Is(
            async () => await Count(session, "SELECT count(*) FROM sync_events WHERE sync_status = 'pending'") + await Count(session, "SELECT count(*) FROM outbox"),
            unsent => unsent == 0,
            TimeSpan.FromSeconds(45));
        output.WriteLine($"{written} written, {cuts} cuts, all sent {watch.Elapsed.TotalSeconds:0.0} s after the last");
    }

    private static async Task<long> Count(NpgsqlConnection session, string sql)
    {
        await using var count = new NpgsqlCommand(sql, session);
        return (long)(await count.ExecuteScalarAsync())!;
    }

    private sealed class UnreliableFixture() : ServiceFixture("orders", (settings, configure) => new RunningNotes(settings, configure))
    {
        public Line Line { get; private set; } = null!;

        protected override IEnumerable<(string Key, string Value)> Settings
        {
            get
            {
                Line ??= new(Messaging);
                yield return ("ConnectionStrings:messaging", new UriBuilder(Messaging) { Host = "127.0.0.1", Port = Line.Port }.Uri.ToString());
            }
        }
    }

    /// <summary>A TCP line to the broker that a test can break.</summary>
    private sealed class Line : IDisposable
    {
        private readonly Uri _broker;
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly Lock _lock = new();
        private readonly List<Socket> _open = [];
        private DateTime _awayUntil;
        private volatile bool _silent;

        public Line(Uri broker)
        {
            _broker = broker;
            _listener.Start();
            Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
            _ = Accept();
        }

        public int Port { get; }

        public void Silence() => _silent = true;

        public void Cut(TimeSpan away)
        {
            lock (_lock)
            {
                _awayUntil = DateTime.UtcNow + away;
                _silent = false;
                foreach (var socket in _open)
                {
                    socket.Dispose();
                }

                _open.Clear();
            }
        }

        public void Dispose()
        {
            _listener.Dispose();
            Cut(default);
        }

        private async Task Accept()
        {
            while (true)
            {
                var near = await _listener.AcceptSocketAsync();
                near.LingerState = new(true, 0);
                if (DateTime.UtcNow < _awayUntil)
                {
                    near.Dispose();
                    continue;
                }

                var far = new Socket(SocketType.Stream, ProtocolType.Tcp);
                await far.ConnectAsync(_broker.Host, _broker.Port);
                lock (_lock)
                {
                    _open.AddRange([near, far]);
                }

                _ = Copy(near, far);
                _ = Copy(far, near);
            }
        }

        private async Task Copy(Socket from, Socket to)
        {
            var buffer = new byte[65536];
            try
            {
                while (await from.ReceiveAsync(buffer) is var read and > 0)
                {
                    while (_silent)
                    {
                        await Task.Delay(10);
                    }

                    await to.SendAsync(buffer.AsMemory(0, read));
                }
            }
            catch (Exception)
            {
            }

            from.Dispose();
            to.Dispose();
        }
    }
}
