using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace OpsPlatform.Bench.Frame;

/// <summary>A durable queue, persistent messages, a confirm and an acknowledgement each, and nothing else.</summary>
internal sealed class BareQueue : IAsyncDisposable
{
    private const ushort Prefetch = 32;
    private readonly IConnection _connection;
    private readonly IChannel _channel;
    private readonly string _name;
    private long _consumed;

    private BareQueue(IConnection connection, IChannel channel, string name)
    {
        _connection = connection;
        _channel = channel;
        _name = name;
    }

    public long Consumed => Interlocked.Read(ref _consumed);

    /// <param name="arrived">Gets each message's body, which is good only until it returns, before it is acknowledged.</param>
    public static async Task<BareQueue> Open(BenchSystem system, Action<ReadOnlyMemory<byte>> arrived, CancellationToken cancel)
    {
        var connection = await new ConnectionFactory { Uri = system.Broker }.CreateConnectionAsync(cancel);
        var channel = await connection.CreateChannelAsync(new CreateChannelOptions(true, true), cancel);
        var queue = new BareQueue(connection, channel, $"bench-{Guid.NewGuid():N}");
        await channel.QueueDeclareAsync(queue._name, durable: true, exclusive: false, autoDelete: false, cancellationToken: cancel);
        await channel.BasicQosAsync(0, Prefetch, false, cancel);
        var consumer = new AsyncEventingBasicConsumer(channel);
        consumer.ReceivedAsync += async (_, delivery) =>
        {
            Interlocked.Increment(ref queue._consumed);
            arrived(delivery.Body);
            await channel.BasicAckAsync(delivery.DeliveryTag, false);
        };
        await channel.BasicConsumeAsync(queue._name, autoAck: false, consumer, cancel);
        return queue;
    }

    public ValueTask Publish(ReadOnlyMemory<byte> body, CancellationToken cancel) =>
        _channel.BasicPublishAsync("", _name, mandatory: true, new BasicProperties { Persistent = true }, body, cancel);

    public async ValueTask DisposeAsync()
    {
        await _channel.QueueDeleteAsync(_name);
        await _channel.DisposeAsync();
        await _connection.DisposeAsync();
    }
}
