using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using Yarp.ReverseProxy.Configuration;

namespace OpsPlatform.Bench.Frame;

/// <summary>The parts the system is made of, each alone: what a figure is held against.</summary>
internal static class BareParts
{
    /// <summary>A durable queue, persistent messages, a confirm each and an acknowledgement each: bytes out and in again.</summary>
    /// <returns>The time of each message from before it is published until it is consumed.</returns>
    public static async Task<Samples> BrokerOneByOne(BenchSystem system, int bytes, TimeSpan duration, CancellationToken cancel)
    {
        await using var queue = await BareQueue.Open(system, cancel);
        var samples = new Samples();
        var started = Stopwatch.GetTimestamp();
        var body = new byte[bytes];
        while (Stopwatch.GetElapsedTime(started) < duration)
        {
            var sent = Stopwatch.GetTimestamp();
            var arrived = queue.Next();
            await queue.Publish(body, cancel);
            await arrived.WaitAsync(cancel);
            samples.Add(sent);
        }

        return samples;
    }

    /// <summary>The same, as fast as one channel goes with several messages unconfirmed.</summary>
    /// <returns>Messages consumed a second.</returns>
    public static async Task<double> BrokerRate(BenchSystem system, int bytes, TimeSpan duration, CancellationToken cancel)
    {
        const int Unconfirmed = 8;
        await using var queue = await BareQueue.Open(system, cancel);
        var body = new byte[bytes];
        var started = Stopwatch.GetTimestamp();
        var sent = await Load.Closed(Unconfirmed, duration, async _ => await queue.Publish(body, cancel), cancel);
        while (queue.Consumed < sent)
        {
            await Task.Delay(1, cancel);
        }

        return sent / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    /// <summary>A server that says hello behind a proxy of the gateway's kind, called one by one.</summary>
    public static async Task<Samples> HelloThroughYarp(TimeSpan duration, CancellationToken cancel)
    {
        await using var server = Web(_ => { });
        server.MapGet("/hello", () => Results.Text("hello"));
        await server.StartAsync(cancel);
        await using var proxy = Web(services => services.AddReverseProxy().LoadFromMemory(
            [new RouteConfig { RouteId = "all", ClusterId = "server", Match = new RouteMatch { Path = "/{**rest}" } }],
            [new ClusterConfig
            {
                ClusterId = "server",
                Destinations = new Dictionary<string, DestinationConfig> { ["one"] = new() { Address = server.Urls.First() } },
            }]));
        proxy.MapReverseProxy();
        await proxy.StartAsync(cancel);
        using var client = new HttpClient { BaseAddress = new Uri(proxy.Urls.First()) };
        for (var i = 0; i < 200; i++)
        {
            await client.GetByteArrayAsync("/hello", cancel);
        }

        var samples = new Samples();
        await Load.Closed(1, duration, async _ =>
        {
            var sent = Stopwatch.GetTimestamp();
            await client.GetByteArrayAsync("/hello", cancel);
            samples.Add(sent);
        }, cancel);
        return samples;
    }

    private static WebApplication Web(Action<IServiceCollection> add)
    {
        var builder = WebApplication.CreateSlimBuilder(["--urls", "http://127.0.0.1:0"]);
        builder.Logging.ClearProviders();
        add(builder.Services);
        return builder.Build();
    }

    private sealed class BareQueue : IAsyncDisposable
    {
        private readonly IConnection _connection;
        private readonly IChannel _channel;
        private readonly string _name;
        private TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private long _consumed;

        private BareQueue(IConnection connection, IChannel channel, string name)
        {
            _connection = connection;
            _channel = channel;
            _name = name;
        }

        public long Consumed => Interlocked.Read(ref _consumed);

        public static async Task<BareQueue> Open(BenchSystem system, CancellationToken cancel)
        {
            var connection = await new ConnectionFactory { Uri = system.Broker }.CreateConnectionAsync(cancel);
            var channel = await connection.CreateChannelAsync(new CreateChannelOptions(true, true), cancel);
            var queue = new BareQueue(connection, channel, $"bench-{Guid.NewGuid():N}");
            await channel.QueueDeclareAsync(queue._name, durable: true, exclusive: false, autoDelete: false, cancellationToken: cancel);
            await channel.BasicQosAsync(0, 32, false, cancel);
            var consumer = new AsyncEventingBasicConsumer(channel);
            consumer.ReceivedAsync += async (_, delivery) =>
            {
                Interlocked.Increment(ref queue._consumed);
                queue._next.TrySetResult();
                await channel.BasicAckAsync(delivery.DeliveryTag, false);
            };
            await channel.BasicConsumeAsync(queue._name, autoAck: false, consumer, cancel);
            return queue;
        }

        public Task Next()
        {
            _next = new(TaskCreationOptions.RunContinuationsAsynchronously);
            return _next.Task;
        }

        public ValueTask Publish(byte[] body, CancellationToken cancel) =>
            _channel.BasicPublishAsync("", _name, mandatory: true, new BasicProperties { Persistent = true }, body, cancel);

        public async ValueTask DisposeAsync()
        {
            await _channel.QueueDeleteAsync(_name);
            await _channel.DisposeAsync();
            await _connection.DisposeAsync();
        }
    }
}
