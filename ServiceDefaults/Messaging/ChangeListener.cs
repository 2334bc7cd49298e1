using System.Diagnostics;
using System.Text.Json;
using System.Threading.Channels;
using MassTransit.Serialization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Telemetry;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>
/// Hands captured changes of all shards to their listener, which knows by itself what it has seen. Takes them from the broker without the
/// bus, which keeps the order of a queue only where it gives one message at a time: here each queue's messages come in their order, and all
/// that wait are heard at once and then acknowledged together.
/// </summary>
internal sealed partial class ChangeListener<TListener>(
    IServiceProvider services, ServiceDatabase database, BrokerTopology topology, Patience patience, Parking parking, ChangeHealth health, TimeProvider time,
    ILogger<ChangeListener<TListener>> log)
    : BackgroundService
    where TListener : class, IHearChanges
{
    /// <summary>Messages a shard that are here and not done: a relay makes them of up to 4 MiB, and a crash redelivers so many.</summary>
    private const ushort Prefetch = 8;

    private const int MaxGathered = 2_000;
    private const int MaxGatheredBytes = 8 * 1024 * 1024;

    private static readonly string Name = typeof(TListener).Name;

    /// <summary>A client whose connection breaks in the middle may never answer (rabbitmq-dotnet-client issue 1930).</summary>
    private static readonly TimeSpan ClientTimeout = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(5);

    /// <summary>After a batch of several messages, so that more come together: fewer, larger batches cost less and shorten the slowest.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5);

    private static readonly TimeSpan MaxRetryDelay = TimeSpan.FromSeconds(2);

    /// <param name="Body">Kept for what may have to be parked as it came.</param>
    private sealed record Delivery(ulong Tag, int Shard, int Bytes, ChangeBatch? Batch, string? ContentType, byte[]? Body, Exception? Fault);

    private sealed record Wrapped(ChangeBatch? Message);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        var failures = 0;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await topology.Declared(stoppingToken);
                await HearUntilFault(() => failures = 0, stoppingToken);
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                if (!Faults.IsDatabaseAway(exception))
                {
                    topology.Forget();
                }

                await Task.Delay(TimeSpan.FromMilliseconds(Math.Min(100 * (1 << Math.Min(failures++, 6)), MaxRetryDelay.TotalMilliseconds)), time, stoppingToken);
            }
        }
    }

    private async Task HearUntilFault(Action onOpen, CancellationToken cancel)
    {
        var deliveries = Channel.CreateUnbounded<Delivery>(new() { SingleReader = true });
        var opening = Open(deliveries.Writer, cancel);
        try
        {
            var (_, channel) = await opening.WaitAsync(ClientTimeout, cancel);
            onOpen();
            health.Listening();
            while (await deliveries.Reader.WaitToReadAsync(cancel))
            {
                var batch = Gather(deliveries.Reader);
                health.Working();
                await Hear(batch, cancel);
                await channel.BasicAckAsync(batch[^1].Tag, multiple: true, cancel).AsTask().WaitAsync(ClientTimeout, cancel);
                health.Listening();
                if (batch.Count > 1)
                {
                    await Task.Delay(Pause, time, cancel);
                }
            }
        }
        catch (Exception exception) when (!cancel.IsCancellationRequested)
        {
            Waiting(exception);
            throw;
        }
        finally
        {
            health.Deaf();
            await Close(opening);
        }
    }

    private async Task<(IConnection Connection, IChannel Channel)> Open(ChannelWriter<Delivery> deliveries, CancellationToken cancel)
    {
        var connection = await topology.Connect("changes", cancel);
        try
        {
            // One callback at a time keeps the broker's order.
            var channel = await connection.CreateChannelAsync(new CreateChannelOptions(false, false, consumerDispatchConcurrency: 1), cancel);
            await channel.BasicQosAsync(0, Prefetch, global: false, cancel);
            channel.ChannelShutdownAsync += (_, reason) => Gone(reason.ReplyText);
            for (var shard = 0; shard < Topology.Shards; shard++)
            {
                var from = shard;
                var consumer = new AsyncEventingBasicConsumer(channel);
                consumer.ReceivedAsync += (_, message) =>
                {
                    deliveries.TryWrite(Read(from, message));
                    return Task.CompletedTask;
                };
                consumer.UnregisteredAsync += (_, _) => Gone($"{Topology.ChangeQueue(from)} is gone");
                await channel.BasicConsumeAsync(Topology.ChangeQueue(shard), autoAck: false, consumer, cancel);
            }

            return (connection, channel);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }

        Task Gone(string reason)
        {
            deliveries.TryComplete(new IOException($"The broker gives no more changes: {reason}."));
            return Task.CompletedTask;
        }
    }

    /// <summary>A connection that opens too late would take changes from who hears them; one that does not close is left to its heartbeat.</summary>
    private static async Task Close(Task<(IConnection Connection, IChannel Channel)> opening)
    {
        var closing = Task.Run(async () => await (await opening).Connection.DisposeAsync());
        await Task.WhenAny(closing, Task.Delay(CloseTimeout));
    }

    private static List<Delivery> Gather(ChannelReader<Delivery> deliveries)
    {
        List<Delivery> batch = [];
        var bytes = 0;
        for (var changes = 0; changes < MaxGathered && bytes < MaxGatheredBytes && deliveries.TryRead(out var delivery); changes += delivery.Batch?.Changes.Count ?? 0)
        {
            batch.Add(delivery);
            bytes += delivery.Bytes;
        }

        return batch;
    }

    private async Task Hear(List<Delivery> batch, CancellationToken cancel)
    {
        using var activity = SharedWork.Start($"{Name} hear", ActivityKind.Consumer, [null]);
        List<(int Shard, string Service, CapturedChange Change)> changes = [];
        foreach (var delivery in batch)
        {
            if (delivery.Batch is { Marker: null } message)
            {
                changes.AddRange(message.Changes.Select(change => (delivery.Shard, message.Service, change)));
                continue;
            }

            // What was sent before a marker is heard before it.
            await Hear(changes, cancel);
            changes.Clear();
            await Pass(delivery, cancel);
        }

        await Hear(changes, cancel);
    }

    private async Task Hear(List<(int Shard, string Service, CapturedChange Change)> items, CancellationToken cancel)
    {
        foreach (var service in items.GroupBy(item => item.Service))
        {
            await patience.Apply(
                [.. service],
                (changes, token) => Listen(listener => listener.Hear(service.Key, [.. changes.Select(item => item.Change)], token)),
                (item, exception, attempts) => parking.Park(
                    Topology.ChangeQueue(item.Shard), new ChangeBatch(item.Service, item.Shard, [item.Change]), exception, attempts, cancel),
                cancel);
        }
    }

    private Task Pass(Delivery delivery, CancellationToken cancel) => delivery.Batch?.Marker is { } marker
        ? patience.Apply(
            [delivery],
            (_, token) => Listen(listener => listener.Passed(marker, delivery.Batch.Shard, token)),
            (_, exception, _) => Park(delivery, exception, cancel),
            cancel)
        : Park(delivery, delivery.Fault!, cancel);

    private Task Park(Delivery delivery, Exception exception, CancellationToken cancel) =>
        parking.Park(Topology.ChangeQueue(delivery.Shard), delivery.ContentType, delivery.Body!, exception, cancel);

    private async Task Listen(Func<TListener, Task> listen)
    {
        await using var scope = services.CreateAsyncScope();
        await listen(scope.ServiceProvider.GetRequiredService<TListener>());
    }

    /// <summary>
    /// The bytes are the client's again once this returns, and what is thrown here it keeps to itself: the message would count as heard.
    /// </summary>
    private static Delivery Read(int shard, BasicDeliverEventArgs message)
    {
        var (tag, bytes, contentType) = (message.DeliveryTag, message.Body.Length, message.BasicProperties.ContentType);
        try
        {
            var batch = JsonSerializer.Deserialize<Wrapped>(message.Body.Span, SystemTextJsonMessageSerializer.Options)?.Message;
            return batch is { Changes: { } changes, Service: not null } && changes.All(change => change is { EntityId: not null, Data: not null })
                ? new(tag, shard, bytes, batch, contentType, batch.Marker is null ? null : message.Body.ToArray(), null)
                : throw new JsonException("It holds no captured changes.");
        }
        catch (Exception unreadable)
        {
            return new(tag, shard, bytes, null, contentType, message.Body.ToArray(), unreadable);
        }
    }

    [LoggerMessage(LogLevel.Warning, "Captured changes are not heard for now; it is tried again")]
    private partial void Waiting(Exception exception);
}
