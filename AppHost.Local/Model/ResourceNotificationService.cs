using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>The latest state of every resource, and a stream of its changes. A replica is a resource id of its own.</summary>
public sealed class ResourceNotificationService
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, ResourceEvent> _latest = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<Channel<ResourceEvent>> _watchers = [];

    internal WaitBehavior DefaultWaitBehavior { get; set; } = WaitBehavior.WaitOnResourceUnavailable;

    public bool TryGetCurrentState(string resourceId, [NotNullWhen(true)] out ResourceEvent? resourceEvent)
    {
        lock (_lock)
        {
            return _latest.TryGetValue(resourceId, out resourceEvent);
        }
    }

    public async IAsyncEnumerable<ResourceEvent> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var channel = Channel.CreateUnbounded<ResourceEvent>();
        lock (_lock)
        {
            foreach (var current in _latest.Values)
            {
                channel.Writer.TryWrite(current);
            }

            _watchers.Add(channel);
        }

        try
        {
            await foreach (var update in channel.Reader.ReadAllAsync(cancellationToken))
            {
                yield return update;
            }
        }
        finally
        {
            lock (_lock)
            {
                _watchers.Remove(channel);
            }
        }
    }

    public Task PublishUpdateAsync(IResource resource, Func<CustomResourceSnapshot, CustomResourceSnapshot> stateFactory) =>
        PublishUpdateAsync(resource, resource.Name, stateFactory);

    public Task PublishUpdateAsync(IResource resource, string resourceId, Func<CustomResourceSnapshot, CustomResourceSnapshot> stateFactory)
    {
        lock (_lock)
        {
            var before = _latest.TryGetValue(resourceId, out var known)
                ? known.Snapshot
                : new CustomResourceSnapshot { ResourceType = resource.GetType().Name.Replace("Resource", ""), Properties = [] };
            var update = new ResourceEvent(resource, resourceId, stateFactory(before));
            _latest[resourceId] = update;
            foreach (var watcher in _watchers)
            {
                watcher.Writer.TryWrite(update);
            }
        }

        return Task.CompletedTask;
    }

    public async Task WaitForResourceAsync(string resourceName, string? targetState = null, CancellationToken cancellationToken = default) =>
        await WaitForResourceAsync(resourceName, [targetState ?? KnownResourceStates.Running], cancellationToken);

    public async Task<string> WaitForResourceAsync(
        string resourceName, IEnumerable<string> targetStates, CancellationToken cancellationToken = default)
    {
        var wanted = targetStates.ToHashSet(StringComparer.OrdinalIgnoreCase);
        var reached = await WaitForResourceAsync(
            resourceName, update => update.Snapshot.State is { } state && wanted.Contains(state.Text), cancellationToken);
        return reached.Snapshot.State!.Text;
    }

    public async Task<ResourceEvent> WaitForResourceAsync(
        string resourceName, Func<ResourceEvent, bool> predicate, CancellationToken cancellationToken = default) =>
        await FirstAsync(update => IsNamed(update, resourceName) && predicate(update), cancellationToken);

    public Task<ResourceEvent> WaitForResourceHealthyAsync(string resourceName, CancellationToken cancellationToken = default) =>
        WaitForResourceHealthyAsync(resourceName, DefaultWaitBehavior, cancellationToken);

    /// <summary>Waits until the resource is healthy and everything that was to be done when it became ready is done.</summary>
    public async Task<ResourceEvent> WaitForResourceHealthyAsync(
        string resourceName, WaitBehavior waitBehavior, CancellationToken cancellationToken = default)
    {
        var reached = await FirstAsync(
            update => IsNamed(update, resourceName)
                && (IsReady(update) || (waitBehavior == WaitBehavior.StopOnResourceUnavailable && HasEnded(update))),
            cancellationToken);
        if (HasEnded(reached))
        {
            var failure = reached.Snapshot.Properties.FirstOrDefault(property => property.Name == KnownProperties.Failure)?.Value;
            throw new DistributedApplicationException(
                $"Resource '{resourceName}' will not become healthy: it is {reached.Snapshot.State!.Text} with exit code {reached.Snapshot.ExitCode?.ToString() ?? "unknown"}. {failure}");
        }

        await reached.Snapshot.ResourceReadyEvent!.EventTask.WaitAsync(cancellationToken);
        return reached;
    }

    internal static bool HasEnded(ResourceEvent update) =>
        update.Snapshot.State is { } state && KnownResourceStates.TerminalStates.Contains(state.Text);

    private static bool IsReady(ResourceEvent update) =>
        update.Snapshot is { HealthStatus: HealthStatus.Healthy, ResourceReadyEvent: not null };

    private static bool IsNamed(ResourceEvent update, string resourceName) =>
        string.Equals(update.ResourceId, resourceName, StringComparison.OrdinalIgnoreCase)
        || string.Equals(update.Resource.Name, resourceName, StringComparison.OrdinalIgnoreCase);

    private async Task<ResourceEvent> FirstAsync(Func<ResourceEvent, bool> predicate, CancellationToken cancellationToken)
    {
        await foreach (var update in WatchAsync(cancellationToken))
        {
            if (predicate(update))
            {
                return update;
            }
        }

        throw new OperationCanceledException(cancellationToken);
    }
}
