using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>
/// Drains a table to the broker: at once after a commit in this process or one that another replica told of, otherwise when the lookout
/// finds something. A database or broker that is away only makes it wait.
/// </summary>
internal abstract partial class RelayLoop(
    ServiceDatabase database, RelaySignal signal, BrokerTopology topology, Lookout lookout, TimeProvider time, TimeSpan interval, ILogger log) : BackgroundService
{
    private static readonly TimeSpan MaxBusyPoll = TimeSpan.FromMilliseconds(50);

    /// <summary>Lets commits gather while the system is busy: fewer, larger batches cost less and shorten the slowest.</summary>
    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(5);

    private static readonly TimeSpan MaxRetryDelay = TimeSpan.FromSeconds(2);

    private TimeSpan Poll => interval < MaxBusyPoll ? interval : MaxBusyPoll;

    /// <summary>What it looks for, as the lookout does: only raw SQL, retries and lost notices wait for that once the other replicas are heard.</summary>
    protected abstract string Pending { get; }

    /// <summary>So long it leaves it to the lookout.</summary>
    protected virtual TimeSpan LongestRest => Lookout.LongestRest;

    protected ServiceDatabase Database => database;

    protected TimeProvider Time => time;

    protected RelaySignal Signal => signal;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.Ready.WaitAsync(stoppingToken);
        var failures = 0;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await topology.Declared(stoppingToken);
                await Connect(stoppingToken);
                await DrainUntilFault(() => failures = 0, stoppingToken);
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                if (!Faults.IsDatabaseAway(exception))
                {
                    topology.Forget();
                }

                Waiting(exception, GetType().Name);
                var delay = TimeSpan.FromMilliseconds(Math.Min(100 * (1 << Math.Min(failures++, 6)), MaxRetryDelay.TotalMilliseconds));
                await Task.Delay(delay, time, stoppingToken);
            }
        }
    }

    /// <summary>Called once after every fault, before the first batch.</summary>
    protected abstract Task Connect(CancellationToken cancel);

    /// <returns>How many rows were taken; the loop goes on at once while that is not 0.</returns>
    protected abstract Task<int> SendBatch(CancellationToken cancel);

    private async Task DrainUntilFault(Action onDrained, CancellationToken cancel)
    {
        var pause = Poll;
        while (true)
        {
            var woken = signal.Next;
            pause = signal.HearsTheOthers ? 2 * pause : Poll;
            while (await SendBatch(cancel) > 0)
            {
                lookout.Forget(Pending);
                pause = Poll;
                await Task.Delay(Gather, time, cancel);
            }

            onDrained();
            if (pause >= interval)
            {
                lookout.Ask(Pending, interval, signal.WakeHere);
                pause = LongestRest;
            }

            await woken.WaitAsync(pause, time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancel.ThrowIfCancellationRequested();
        }
    }

    [LoggerMessage(LogLevel.Warning, "{Relay} waits and tries again")]
    private partial void Waiting(Exception exception, string relay);
}
