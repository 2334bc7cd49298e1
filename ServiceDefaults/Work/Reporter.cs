using MassTransit;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>Tells how far the work in this process is: the latest of each, some times a second. A broker that is away costs the worker nothing.</summary>
internal sealed partial class Reporter(Workers workers, IBus bus, BrokerTopology topology, TimeProvider time, ILogger<Reporter> log) : BackgroundService
{
    private const int MaxGroup = 100;

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    /// <summary>A worker that has nothing new to say lives all the same.</summary>
    private static readonly TimeSpan MaxSilence = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await workers.AnyRunning().WaitAsync(stoppingToken);
            var (groups, began) = (workers.Running.Chunk(MaxGroup).ToArray(), time.GetTimestamp());
            // After one that was not told the next round begins, with those that are at work then.
            for (var told = 1; told <= groups.Length && await TryTell(groups[told - 1], stoppingToken); told++)
            {
                // Evenly, so that neither those who hear it nor who watches has all of it to do at one moment.
                if ((Interval * told / groups.Length) - time.GetElapsedTime(began) is var early && early > TimeSpan.Zero)
                {
                    await Task.Delay(early, time, stoppingToken);
                }
            }
        }
    }

    private async Task<bool> TryTell(Operation[] running, CancellationToken stopping)
    {
        List<(Operation Operation, OperationReported Report)> news = [.. running.Select(operation => (operation, operation.Next(MaxSilence)!)).Where(item => item.Item2 is not null)];
        if (news.Count == 0)
        {
            return true;
        }

        try
        {
            await topology.Declared(stopping);
            await Messages.Of(typeof(OperationReported)).Send(bus, news.Select(item => Envelope(item.Operation, item.Report)), stopping);
            return true;
        }
        catch (Exception fault) when (!stopping.IsCancellationRequested)
        {
            news.ForEach(item => item.Operation.NotSent());
            topology.Forget();
            Waiting(fault.Message);
            await Task.Delay(RetryDelay, time, stopping);
            return false;
        }
    }

    private Envelope<object> Envelope(Operation operation, OperationReported report) => new(
        Guid.CreateVersion7(), operation.Org, operation.Claim.CorrelationId, null, operation.Claim.Actor, operation.Claim.TraceParent, time.GetUtcNow(), report);

    [LoggerMessage(LogLevel.Warning, "The progress of operations is told later: {Reason}")]
    private partial void Waiting(string reason);
}
