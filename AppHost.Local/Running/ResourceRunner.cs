using System.Globalization;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Hosting.Running;

/// <summary>Keeps one process of one resource running: waits for what it needs, starts it, watches its health, restarts it when it crashes.</summary>
internal sealed class ResourceRunner : IAsyncDisposable
{
    private static readonly TimeSpan _longestBackoff = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan _steadyAfter = TimeSpan.FromSeconds(30);
    private const int MaxStartsBeforeHealthy = 3;
    private const int SignalExitCodes = 128;

    private readonly RunnerContext _context;
    private readonly int _replica;
    private readonly ResourceLog _log;
    private readonly HealthWatch _health;
    private readonly Lock _lock = new();
    private CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;

    public ResourceRunner(IResource resource, int replica, string id, RunnerContext context)
    {
        Resource = resource;
        Id = id;
        _replica = replica;
        _context = context;
        _log = new ResourceLog(id, Path.Combine(context.State.Logs, $"{id}.log"), context.LogsToConsole);
        _health = new HealthWatch(resource, replica, context, Publish, Report);
        Publish(snapshot => snapshot with { State = KnownResourceStates.NotStarted, Urls = [.. Urls()] });
    }

    public IResource Resource { get; }
    public string Id { get; }

    /// <summary>Does nothing while it runs already.</summary>
    public void Start()
    {
        lock (_lock)
        {
            if (_running.IsCompleted)
            {
                _stop = new CancellationTokenSource();
                // At once: who started it and waits for it must not see how it ended before.
                Publish(snapshot => snapshot with { State = KnownResourceStates.Starting, HealthStatus = null });
                _running = Task.Run(() => RunAsync(_stop.Token));
            }
        }
    }

    public async Task StopAsync()
    {
        var running = _running;
        if (!running.IsCompleted)
        {
            Publish(snapshot => snapshot with { State = KnownResourceStates.Stopping, HealthStatus = null });
            await _stop.CancelAsync();
            await running;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stop.Dispose();
        _log.Dispose();
    }

    private async Task RunAsync(CancellationToken stop)
    {
        try
        {
            await WaitForDependenciesAsync(stop);
            await KeepRunningAsync(stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            Publish(snapshot => Ended(snapshot, KnownResourceStates.Exited, snapshot.ExitCode));
        }
        catch (Exception e)
        {
            Fail($"failed to start: {e.Message}", exitCode: null);
        }
    }

    private async Task KeepRunningAsync(CancellationToken stop)
    {
        var crashes = 0;
        for (var starts = 1; ; starts++)
        {
            Publish(snapshot => snapshot with { State = KnownResourceStates.Starting, HealthStatus = null });
            var spec = await _context.Plan.PrepareAsync(Resource, _replica, stop);
            RefuseTakenPorts();
            var child = await ChildProcess.StartAsync(spec, Leftovers.Marker(_context.State, Id), _log.Write);
            Publish(snapshot => snapshot with
            {
                State = KnownResourceStates.Running,
                HealthStatus = _context.Probe.HasChecks(Resource) ? HealthStatus.Unhealthy : null,
                Properties = [new(KnownProperties.Executable.Pid, child.Id)],
            });
            _log.Write($"host: started, process {child.Id}");
            var healthyFor = await WatchAsync(child, stop);
            var exitCode = await child.Exited;
            if (stop.IsCancellationRequested)
            {
                _log.Write("host: stopped");
                Publish(snapshot => Ended(snapshot, KnownResourceStates.Exited, exitCode));
                return;
            }

            if (IsFinal(exitCode))
            {
                Report($"ended with exit code {exitCode}");
                Publish(snapshot => Ended(snapshot, KnownResourceStates.Finished, exitCode));
                return;
            }

            if (!_health.WasHealthy && starts >= MaxStartsBeforeHealthy)
            {
                Fail($"failed to start: ended {starts} times before it was healthy, last with exit code {exitCode}", exitCode);
                return;
            }

            crashes = healthyFor >= _steadyAfter ? 0 : crashes;
            var delay = Backoff(crashes++);
            Report($"ended unexpectedly with exit code {exitCode}; starting it again in {delay.TotalSeconds.ToString(CultureInfo.InvariantCulture)} s");
            Publish(snapshot => Ended(snapshot, KnownResourceStates.Starting, exitCode));
            await Task.Delay(delay, _context.Time, stop);
        }
    }

    /// <summary>At once, then 1, 2, 4, 8 and 10 seconds.</summary>
    internal static TimeSpan Backoff(int crashes) => crashes == 0
        ? TimeSpan.Zero
        : TimeSpan.FromSeconds(Math.Min(Math.Pow(2, Math.Min(crashes, SignalExitCodes) - 1), _longestBackoff.TotalSeconds));

    // A program that ends by itself has said what it had to say; servers and services are meant to stay.
    private bool IsFinal(int exitCode) => Resource switch
    {
        ExecutableResource => exitCode < SignalExitCodes,
        ProjectResource => exitCode == 0,
        _ => false,
    };

    /// <summary>Follows the child's health until it ends or is told to stop; returns how long it was healthy.</summary>
    private async Task<TimeSpan> WatchAsync(ChildProcess child, CancellationToken stop)
    {
        using var watching = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var since = (long?)null;
        var watch = _health.FollowAsync(OpenToCallers, watching.Token);
        try
        {
            await child.Exited.WaitAsync(stop);
        }
        catch (OperationCanceledException)
        {
            // Callers are led to the other replicas before this one is told to stop.
            await watching.CancelAsync();
            await watch;
            _context.SharedPorts.Remove(Resource, _replica);
            await child.StopAsync();
        }

        _context.SharedPorts.Remove(Resource, _replica);
        await watching.CancelAsync();
        await watch;
        _context.SharedPorts.Remove(Resource, _replica);
        return since is { } start ? _context.Time.GetElapsedTime(start) : TimeSpan.Zero;

        string? OpenToCallers()
        {
            try
            {
                _context.SharedPorts.Add(Resource, _replica);
                since ??= _context.Time.GetTimestamp();
                return null;
            }
            catch (DistributedApplicationException e)
            {
                return e.Message;
            }
        }
    }

    private async Task WaitForDependenciesAsync(CancellationToken stop)
    {
        var waits = Resource.Annotations.OfType<WaitAnnotation>().Where(wait => wait.Resource is not IResourceWithoutLifetime).ToList();
        if (waits.Count > 0)
        {
            Publish(snapshot => snapshot with { State = KnownResourceStates.Waiting });
        }

        await Task.WhenAll(waits.SelectMany(wait => _context.IdsOf(wait.Resource).Select(id => DependencyWait.For(_context.Notifications, wait, id, stop))));
    }

    private void RefuseTakenPorts()
    {
        var taken = Resource.Annotations.OfType<EndpointAnnotation>().Select(endpoint => endpoint.AllocatedPorts[_replica])
            .FirstOrDefault(port => !PortAllocator.IsFree(port));
        if ((taken == 0 ? _context.SharedPorts.TakenPortOf(Resource) : taken) is { } port)
        {
            throw new DistributedApplicationException($"port {port} is in use by another program");
        }
    }

    private IEnumerable<UrlSnapshot> Urls() =>
        Resource.Annotations.OfType<EndpointAnnotation>()
            .Select(endpoint => new UrlSnapshot(endpoint.Name, endpoint.UrlFor(endpoint.SharedPort ?? endpoint.AllocatedPorts[_replica]), !endpoint.IsExternal))
            .Concat(Resource.Annotations.OfType<ResourceUrlAnnotation>().Select(url => new UrlSnapshot(url.DisplayText, url.Url, IsInternal: false)));

    private static CustomResourceSnapshot Ended(CustomResourceSnapshot snapshot, string state, int? exitCode) =>
        snapshot with { State = state, HealthStatus = null, ExitCode = exitCode, Properties = [] };

    private void Publish(Func<CustomResourceSnapshot, CustomResourceSnapshot> change) =>
        _ = _context.Notifications.PublishUpdateAsync(Resource, Id, change);

    private void Fail(string message, int? exitCode)
    {
        var failure = $"{message}{Environment.NewLine}{_log.Tail}";
        Report(message);
        Publish(snapshot => Ended(snapshot, KnownResourceStates.FailedToStart, exitCode) with
        {
            Properties = [new(KnownProperties.Failure, failure)],
        });
    }

    private void Report(string message) => _log.Write($"host: {message}");
}
