using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using OpsPlatform.Contracts;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace OpsPlatform.Bench.Frame;

/// <summary>
/// Tells of operations as the frame's worker does: what was reported last of each, a hundred in a message, ten times a second, the messages
/// evenly apart. Each operation reports once in between, at its own moment, so that half of the time between two of its messages is on average
/// part of what is measured.
/// </summary>
internal sealed class ReportingWorker : IAsyncDisposable
{
    private const int Group = 100;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private static readonly JsonSerializerOptions Wire = new(JsonSerializerDefaults.Web);
    private readonly IConnection _connection;
    private readonly IChannel _channel;
    private readonly (Guid Org, OperationStarted Started)[] _operations;
    private readonly DateTimeOffset _startedAt = DateTimeOffset.UtcNow;
    private readonly ConcurrentDictionary<Guid, long> _cancels = [];

    private ReportingWorker(IConnection connection, IChannel channel, (Guid, OperationStarted)[] operations) =>
        (_connection, _channel, _operations) = (connection, channel, operations);

    /// <summary>From who asks to the worker, of the cancels it heard.</summary>
    public Samples CancelLatency { get; } = new();

    /// <summary>Of one message of reports.</summary>
    public int MessageBytes { get; private set; }

    public static async Task<ReportingWorker> Start(BenchSystem system, IEnumerable<(Guid Org, Guid Id)> operations, CancellationToken cancel)
    {
        var connection = await new ConnectionFactory { Uri = system.Broker }.CreateConnectionAsync(cancel);
        var channel = await connection.CreateChannelAsync(new CreateChannelOptions(true, true), cancel);
        var worker = new ReportingWorker(connection, channel, [.. operations.Select(operation => (operation.Org, new OperationStarted(
            operation.Id, "bench.report", "bench", "A report of a benchmark", Guid.Empty.ToString(), DateTimeOffset.UtcNow, [new("Working")])))]);
        await worker.HearCancels(cancel);
        await worker.Send(worker._operations.Select(operation => (operation.Org, operation.Started)), cancel);
        return worker;
    }

    /// <param name="marks">Tell when each report was made.</param>
    /// <returns>How many were sent.</returns>
    public async Task<long> Report(Marks marks, TimeSpan duration, CancellationToken cancel)
    {
        var groups = _operations.Chunk(Group).ToArray();
        var total = (int)(duration / Interval);
        var began = Stopwatch.GetTimestamp();
        for (var tick = 0; tick < total * groups.Length; tick++)
        {
            // A message that is late counts from when it was due.
            var (due, round) = (Interval * (tick + 1) / groups.Length, tick / groups.Length);
            if (due - Stopwatch.GetElapsedTime(began) is var early && early > TimeSpan.Zero)
            {
                await Task.Delay(early, cancel);
            }

            await Send(groups[tick % groups.Length].Select((operation, i) =>
            {
                var mark = marks.Next();
                marks.Commits(mark, began + (long)((due - (Interval * i / Group)).TotalSeconds * Stopwatch.Frequency));
                return (operation.Org, new OperationReported(
                    operation.Started.OperationId, 1, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(), DateTimeOffset.UtcNow, _startedAt, DateTimeOffset.UtcNow, 1,
                    100.0 * round / total, round, total, Message: marks.Text(mark)));
            }), cancel);
        }

        return (long)total * _operations.Length;
    }

    /// <summary>Somebody is about to ask for it.</summary>
    public void AwaitCancel(Guid operation) => _cancels[operation] = Stopwatch.GetTimestamp();

    public Task End(CancellationToken cancel) =>
        Send(_operations.Select(operation => (operation.Org, new OperationEnded(operation.Started, "completed", DateTimeOffset.UtcNow))), cancel);

    public async ValueTask DisposeAsync()
    {
        await _channel.DisposeAsync();
        await _connection.DisposeAsync();
    }

    private async Task HearCancels(CancellationToken cancel)
    {
        var queue = await _channel.QueueDeclareAsync(cancellationToken: cancel);
        await _channel.QueueBindAsync(queue.QueueName, $"event.{nameof(OperationCancelled)}", "", cancellationToken: cancel);
        var consumer = new AsyncEventingBasicConsumer(_channel);
        consumer.ReceivedAsync += (_, delivery) =>
        {
            using var message = JsonDocument.Parse(delivery.Body);
            foreach (var item in message.RootElement.GetProperty("message").GetProperty("items").EnumerateArray())
            {
                if (_cancels.TryRemove(item.GetProperty("message").GetProperty("operationId").GetGuid(), out var askedAt))
                {
                    CancelLatency.Add(askedAt);
                }
            }

            return Task.CompletedTask;
        };
        await _channel.BasicConsumeAsync(queue.QueueName, autoAck: true, consumer, cancel);
    }

    private async Task Send<T>(IEnumerable<(Guid Org, T Message)> messages, CancellationToken cancel)
        where T : class
    {
        foreach (var group in messages.Chunk(Group))
        {
            var body = JsonSerializer.SerializeToUtf8Bytes(
                new
                {
                    MessageType = (string[])[$"urn:message:OpsPlatform.Contracts:MessageGroup[[OpsPlatform.Contracts:{typeof(T).Name}]]"],
                    Message = new MessageGroup<T>([.. group.Select(item => new Envelope<T>(Guid.CreateVersion7(), item.Org, Guid.NewGuid(), null, "bench", null, DateTimeOffset.UtcNow, item.Message))]),
                },
                Wire);
            MessageBytes = body.Length;
            await _channel.BasicPublishAsync(
                $"event.{typeof(T).Name}", "", mandatory: true, new BasicProperties { Persistent = true, ContentType = "application/vnd.masstransit+json" }, body, cancel);
        }
    }
}
