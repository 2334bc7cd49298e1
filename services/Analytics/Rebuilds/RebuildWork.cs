using System.Net;
using System.Text.Json;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.Analytics.Rebuilds;

/// <summary>Goes through a rebuild's steps, waits for owners that are away, and gives up when one stays away.</summary>
internal sealed partial class RebuildWork(RebuildRun run, IConfiguration configuration, TimeProvider time, ILogger<RebuildWork> log) : IDoOperation<RebuildWork.Args>
{
    /// <param name="RebuildId">The operation's id.</param>
    public sealed record Args(Guid RebuildId);

    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

    /// <summary>How long an owner may be away before the rebuild is given up.</summary>
    private readonly TimeSpan _patience = configuration.GetValue("Analytics:RebuildPatience", TimeSpan.FromMinutes(2));

    public static OperationKind Kind { get; } = new(
        "analytics.rebuild", [new("Asking the owners"), new("Counting orders", 10), new("Counting consumption", 10), new("Waiting for what is on its way", 2), new("Comparing", 4)], MaxAttempts: 5);

    public async Task<object?> Do(Args args, Operation operation, CancellationToken cancel)
    {
        var wentWellAt = time.GetTimestamp();
        var failures = 0;
        while (true)
        {
            try
            {
                var rebuild = await run.Step(operation, cancel);
                (wentWellAt, failures) = (time.GetTimestamp(), 0);
                if (rebuild.IsOver)
                {
                    await run.ForgetLeftOvers(cancel);
                    return new { rebuild.IsEqual, comparison = $"/analytics/rebuilds/{rebuild.Id}/comparison" };
                }

                Report(rebuild, operation);
            }
            catch (Exception fault) when (!cancel.IsCancellationRequested && MayPass(fault) && time.GetElapsedTime(wentWellAt) < _patience)
            {
                Waits(operation.Id, fault.Message);
                using var waiting = operation.WaitsFor(OperationWait.External);
                await Task.Delay(Pause(failures++), time, cancel);
            }
            catch (Exception fault) when (!cancel.IsCancellationRequested && Reason(fault) is { } reason)
            {
                GivenUp(fault, operation.Id);
                await run.Fail(operation, reason, cancel);
                throw new OperationRefusedException(reason);
            }
        }
    }

    private static void Report(Rebuild rebuild, Operation operation)
    {
        operation.Step((int)rebuild.Step + 1);
        operation.Report(rebuild.Step switch
        {
            RebuildStep.Orders => new(rebuild.OrdersDone, rebuild.OrdersTotal),
            RebuildStep.Consumption => new(rebuild.ConsumptionDone, rebuild.ConsumptionTotal),
            _ => new(0),
        });
    }

    private static TimeSpan Pause(int failures) => TimeSpan.FromMilliseconds(Math.Min(LongestPause.TotalMilliseconds, 100 << Math.Min(failures, 6)));

    private static bool MayPass(Exception fault) => fault is ServiceAwayException
        or HttpRequestException { StatusCode: >= HttpStatusCode.InternalServerError or HttpStatusCode.TooManyRequests or HttpStatusCode.Unauthorized }
        || Faults.IsTransient(fault);

    /// <summary>What an admin may read; null for what another attempt may mend.</summary>
    private static string? Reason(Exception fault) => fault switch
    {
        ServiceAwayException away => $"The {away.Service} service was away for too long.",
        HttpRequestException or JsonException => fault.Message,
        _ => null,
    };

    [LoggerMessage(LogLevel.Warning, "Rebuild {Id} waits: {Reason}")]
    private partial void Waits(Guid id, string reason);

    [LoggerMessage(LogLevel.Error, "Rebuild {Id} is given up")]
    private partial void GivenUp(Exception fault, Guid id);
}
