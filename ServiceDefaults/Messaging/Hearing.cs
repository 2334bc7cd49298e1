using System.Text.Json;
using System.Threading.Channels;
using MassTransit;
using MassTransit.Serialization;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>Queues that are open on a connection, to be heard until it ends.</summary>
/// <param name="Hear">Ends only with a fault, or when it is cancelled.</param>
internal sealed record OpenQueues(Func<CancellationToken, Task> Hear);

/// <summary>What a process hears on one channel of its connection to the broker.</summary>
internal abstract class Hearing(TimeProvider time)
{
    private sealed record State(bool IsOpen, bool IsWorking, long Since);

    private volatile State _state = new(false, false, time.GetTimestamp());

    protected TimeProvider Time => time;

    /// <summary>What is heard, as a person would call it.</summary>
    public abstract string Name { get; }

    public abstract Task<OpenQueues> Open(IConnection connection, CancellationToken cancel);

    /// <returns>For how long it has not been open, or for how long it has been at what it took last; both zero when all is well.</returns>
    public (TimeSpan Deaf, TimeSpan AtWork) Trouble()
    {
        var state = _state;
        var since = time.GetElapsedTime(state.Since);
        return (state.IsOpen ? TimeSpan.Zero : since, state.IsWorking ? since : TimeSpan.Zero);
    }

    protected void Waits() => _state = new(true, false, time.GetTimestamp());

    protected void Works() => _state = new(true, true, time.GetTimestamp());

    protected void Ended() => _state = _state.IsOpen ? new(false, false, time.GetTimestamp()) : _state;
}

/// <summary>
/// Takes messages of one type in the broker's order, those that have come meanwhile all at once, and acknowledges them together when they are
/// applied or set aside.
/// </summary>
/// <param name="prefetch">Messages a queue that are here and not done; a crash redelivers so many.</param>
internal abstract class Hearing<T>(IReadOnlyList<string> queues, ushort prefetch, Parking parking, TimeProvider time) : Hearing(time)
    where T : class
{
    /// <summary>A client whose connection breaks in the middle may never answer (rabbitmq-dotnet-client issue 1930).</summary>
    private static readonly TimeSpan AckTimeout = TimeSpan.FromSeconds(20);

    private static readonly string Urn = MessageUrn.ForTypeString<T>();

    /// <param name="Message">Null when it could not be read: then there is a fault and the bytes as they came.</param>
    protected sealed record Delivery(ulong Tag, string Queue, int Bytes, T? Message, string? ContentType, byte[]? Body, Exception? Fault);

    private sealed record Wrapped(IReadOnlyList<string>? MessageType, T? Message);

    protected abstract bool IsWhole(T message);

    /// <summary>Whether the bytes are kept, for a message that may have to be parked as it came although it can be read.</summary>
    protected virtual bool KeepsBody(T message) => false;

    /// <summary>Whether no more is put to these, which wait for the one batch.</summary>
    protected abstract bool IsFull(IReadOnlyList<Delivery> batch);

    protected abstract Task Apply(IReadOnlyList<Delivery> batch, CancellationToken cancel);

    /// <summary>So that more come together: fewer, larger batches cost less.</summary>
    protected abstract TimeSpan RestAfter(IReadOnlyList<Delivery> batch);

    protected Task Park(Delivery delivery, Exception fault, CancellationToken cancel) =>
        parking.Park(delivery.Queue, delivery.ContentType, delivery.Body!, fault, cancel);

    public override async Task<OpenQueues> Open(IConnection connection, CancellationToken cancel)
    {
        var deliveries = Channel.CreateUnbounded<Delivery>(new() { SingleReader = true });
        // One callback at a time keeps the broker's order.
        var channel = await connection.CreateChannelAsync(new CreateChannelOptions(false, false, consumerDispatchConcurrency: 1), cancel);
        await channel.BasicQosAsync(0, prefetch, global: false, cancel);
        channel.ChannelShutdownAsync += (_, reason) => Gone(reason.ReplyText);
        foreach (var queue in queues)
        {
            var consumer = new AsyncEventingBasicConsumer(channel);
            consumer.ReceivedAsync += (_, message) =>
            {
                deliveries.Writer.TryWrite(Read(queue, message));
                return Task.CompletedTask;
            };
            consumer.UnregisteredAsync += (_, _) => Gone($"{queue} is gone");
            await channel.BasicConsumeAsync(queue, autoAck: false, consumer, cancel);
        }

        return new(token => Hear(channel, deliveries.Reader, token));

        Task Gone(string reason)
        {
            deliveries.Writer.TryComplete(new IOException($"The broker gives no more of {Name}: {reason}."));
            return Task.CompletedTask;
        }
    }

    private async Task Hear(IChannel channel, ChannelReader<Delivery> deliveries, CancellationToken cancel)
    {
        try
        {
            Waits();
            while (await deliveries.WaitToReadAsync(cancel))
            {
                List<Delivery> batch = [];
                while (!IsFull(batch) && deliveries.TryRead(out var delivery))
                {
                    batch.Add(delivery);
                }

                Works();
                await Apply(batch, cancel);
                await channel.BasicAckAsync(batch[^1].Tag, multiple: true, cancel).AsTask().WaitAsync(AckTimeout, cancel);
                Waits();
                if (RestAfter(batch) is var rest && rest > TimeSpan.Zero)
                {
                    await Task.Delay(rest, Time, cancel);
                }
            }
        }
        finally
        {
            Ended();
        }
    }

    /// <summary>
    /// The bytes are the client's again once this returns, and what is thrown here it keeps to itself: the message would count as heard.
    /// </summary>
    private Delivery Read(string queue, BasicDeliverEventArgs message)
    {
        var (tag, bytes, contentType) = (message.DeliveryTag, message.Body.Length, message.BasicProperties.ContentType);
        try
        {
            var wrapped = JsonSerializer.Deserialize<Wrapped>(message.Body.Span, SystemTextJsonMessageSerializer.Options);
            if (wrapped?.MessageType?.Contains(Urn) != true)
            {
                throw new InvalidDataException($"It is not of the one type heard here, {Urn}.");
            }

            return wrapped.Message is { } content && IsWhole(content)
                ? new(tag, queue, bytes, content, contentType, KeepsBody(content) ? message.Body.ToArray() : null, null)
                : throw new JsonException($"It holds no {Name}.");
        }
        catch (Exception unreadable)
        {
            return new(tag, queue, bytes, null, contentType, message.Body.ToArray(), unreadable);
        }
    }
}
