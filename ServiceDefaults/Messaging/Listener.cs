using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpsPlatform.ServiceDefaults.Database;
using RabbitMQ.Client;

namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>
/// Keeps one connection to the broker open, on which this process hears, and makes it anew when anything on it ends. A process that hears
/// nothing knows by it whether the broker is there.
/// </summary>
internal sealed partial class Listener(
    IEnumerable<Hearing> hearings, ServiceDatabase database, BrokerTopology topology, TimeProvider time, ILogger<Listener> log)
    : BackgroundService
{
    /// <summary>A client whose connection breaks in the middle may never answer (rabbitmq-dotnet-client issue 1930).</summary>
    private static readonly TimeSpan OpenTimeout = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan MaxRetryDelay = TimeSpan.FromSeconds(2);

    private const long Connected = 0;
    private const long Always = -1;

    private readonly Hearing[] _hearings = [.. hearings];
    private long _awaySince = Always;

    /// <summary>For how long there has been no connection; zero while there is one.</summary>
    public TimeSpan Away => Volatile.Read(ref _awaySince) switch
    {
        Connected => TimeSpan.Zero,
        Always => TimeSpan.MaxValue,
        var since => time.GetElapsedTime(since),
    };

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
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var opening = Open(cancel);
        try
        {
            var (connection, queues) = await opening.WaitAsync(OpenTimeout, cancel);
            onOpen();
            Volatile.Write(ref _awaySince, Connected);
            Task[] hearing = [.. queues.Select(queue => queue.Hear(ending.Token)), Lost(connection, ending.Token)];
            var first = await Task.WhenAny(hearing);
            await ending.CancelAsync();
            await Task.WhenAll(hearing).ContinueWith(_ => { }, TaskScheduler.Default);
            await first;
        }
        catch (Exception exception) when (!cancel.IsCancellationRequested)
        {
            Waiting(exception);
            throw;
        }
        finally
        {
            Interlocked.CompareExchange(ref _awaySince, time.GetTimestamp(), Connected);
            await Close(opening);
        }
    }

    private static async Task Lost(IConnection connection, CancellationToken cancel)
    {
        var lost = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        connection.ConnectionShutdownAsync += (_, reason) =>
        {
            lost.TrySetException(new IOException($"The connection to the broker has ended: {reason.ReplyText}."));
            return Task.CompletedTask;
        };
        await lost.Task.WaitAsync(cancel);
    }

    private async Task<(IConnection Connection, IReadOnlyList<OpenQueues> Queues)> Open(CancellationToken cancel)
    {
        var connection = await topology.Connect("listener", cancel);
        try
        {
            List<OpenQueues> queues = [];
            foreach (var hearing in _hearings)
            {
                queues.Add(await hearing.Open(connection, cancel));
            }

            return (connection, queues);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>A connection that opens too late would take messages from who hears them; one that does not close is left to its heartbeat.</summary>
    private static async Task Close(Task<(IConnection Connection, IReadOnlyList<OpenQueues> Queues)> opening)
    {
        var closing = Task.Run(async () => await (await opening).Connection.DisposeAsync());
        await Task.WhenAny(closing, Task.Delay(CloseTimeout));
    }

    [LoggerMessage(LogLevel.Warning, "Nothing is heard from the broker for now; it is tried again")]
    private partial void Waiting(Exception exception);
}
