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

    protected static readonly TimeSpan ShortestGather = TimeSpan.FromMilliseconds(5);

    private static readonly TimeSpan MaxRetryDelay = TimeSpan.FromSeconds(2);

    /// <summary>While the other replicas are not heard.</summary>
    private TimeSpan Poll => interval < MaxBusyPoll ? interval : MaxBusyPoll;

    /// <summary>What it looks for, as the lookout does: only raw SQL, retries and lost notices wait for that once the other replicas are heard.</summary>
    protected abstract string Pending { get; }

    /// <summary>So long it leaves it to the lookout.</summary>
    protected virtual TimeSpan LongestRest => Lookout.LongestRest;

    protected ServiceDatabase Database => database;

    /// <summary>After a batch it lets commits gather for so long: fewer, larger batches cost less and shorten the slowest.</summary>
    protected virtual TimeSpan Gather => ShortestGather;

    protected TimeProvider Time => time;

    protected RelaySignal Signal => signal;

    /// <summary>Completes when there may be something for it; taken before it looks.</summary>
    protected abstract Task Woken { get; }

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

    protected abstract Task<Taken> SendBatch(CancellationToken cancel);

    /// <summary>The lookout has found something that nobody told of, however old it is.</summary>
    protected virtual void Found() => signal.WakeHere();

    private async Task DrainUntilFault(Action onDrained, CancellationToken cancel)
    {
        while (true)
        {
            var woken = Woken;
            var taken = await SendBatch(cancel);
            if (taken != Taken.Nothing)
            {
                lookout.Forget(Pending);
            }

            if (taken == Taken.All)
            {
                await Task.Delay(Gather, time, cancel);
            }

            if (taken == Taken.Some || woken.IsCompleted)
            {
                continue;
            }

            onDrained();
            var pause = Poll;
            if (signal.HearsTheOthers)
            {
                lookout.Ask(Pending, interval, Found);
                pause = LongestRest;
            }

            await woken.WaitAsync(pause, time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancel.ThrowIfCancellationRequested();
        }
    }

    protected enum Taken
    {
        Nothing,

        /// <summary>As many as go together: there may be more.</summary>
        Some,

        /// <summary>What was there.</summary>
        All,
    }

    [LoggerMessage(LogLevel.Warning, "{Relay} waits and tries again")]
    private partial void Waiting(Exception exception, string relay);
}
