using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Hosting.Running;

/// <summary>Publishes the health of a running resource, and does once what is to be done when it is healthy for the first time.</summary>
internal sealed class HealthWatch(
    IResource resource,
    int replica,
    RunnerContext context,
    Action<Func<CustomResourceSnapshot, CustomResourceSnapshot>> publish,
    Action<string> report)
{
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public bool WasHealthy { get; private set; }

    /// <summary>Until cancelled, that is until the process ends.</summary>
    /// <param name="openToCallers">
    /// Called at every healthy check before it is published, so that who waited for health is served; returns what is in the way, if
    /// anything is.
    /// </param>
    /// <param name="cancel">Ends it.</param>
    public async Task FollowAsync(Func<string?> openToCallers, CancellationToken cancel)
    {
        try
        {
            var failures = 0;
            HealthStatus? last = null;
            while (true)
            {
                var (status, reason) = await context.Probe.CheckAsync(resource, replica, cancel);
                if (status != HealthStatus.Unhealthy && openToCallers() is { } obstacle)
                {
                    (status, reason) = (HealthStatus.Unhealthy, obstacle);
                }

                failures = status == HealthStatus.Unhealthy ? failures + 1 : 0;
                if (status != last)
                {
                    last = status;
                    Publish(status);
                }

                if (HealthProbe.IsWorthSaying(failures))
                {
                    report($"is not healthy: {reason}");
                }

                await Task.Delay(HealthProbe.Pause(failures), context.Time, cancel);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The process ended; its health is no longer a question.
        }
    }

    private void Publish(HealthStatus status)
    {
        if (status != HealthStatus.Unhealthy && !WasHealthy)
        {
            WasHealthy = true;
            _ = GetReadyAsync();
        }

        report($"is {status}");
        publish(snapshot => snapshot with
        {
            HealthStatus = status,
            ResourceReadyEvent = WasHealthy ? new EventSnapshot(_ready.Task) : null,
        });
    }

    private async Task GetReadyAsync()
    {
        try
        {
            foreach (var annotation in resource.Annotations.OfType<ResourceReadyAnnotation>().ToList())
            {
                await annotation.Callback(new ResourceReadyEvent(resource, context.Services), CancellationToken.None);
            }

            _ready.SetResult();
        }
        catch (Exception e)
        {
            report($"is healthy, but what was to be done then failed: {e.Message}");
            _ready.SetException(e);
        }
    }
}
