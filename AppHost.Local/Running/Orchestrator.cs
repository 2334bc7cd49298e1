using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Aspire.Hosting.Running;

/// <summary>Starts every resource of the model and stops them again, each after all that depend on it.</summary>
internal sealed class Orchestrator(
    HostState state,
    IResourceCollection resources,
    ResourceNotificationService notifications,
    HealthCheckService checks,
    IOptions<HealthCheckServiceOptions> registeredChecks,
    TimeProvider time,
    IServiceProvider services,
    IConfiguration configuration) : IHostedService, IAsyncDisposable
{
    internal const string RandomPortsKey = "AppHost:RandomPorts";

    private readonly List<ResourceRunner> _runners = [];
    private readonly List<Task> _followers = [];
    private readonly CancellationTokenSource _stopped = new();
    private readonly SharedPorts _sharedPorts = new();
    private readonly HealthProbe _probe = new(checks, registeredChecks);
    private bool _disposed;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await Leftovers.EndAsync($"{state.Directory}:", dataDirectory: null);
        state.RemoveRunFolder();
        AllocatePorts();
        var context = new RunnerContext(
            notifications, state, new LaunchPlan(state, new DistributedApplicationExecutionContext()), _probe, _sharedPorts, time, services, IdsOf,
            configuration.GetValue("AppHost:ConsoleLogs", !state.IsTemporary));
        foreach (var resource in resources.Where(IsRun))
        {
            _probe.RequireRegistered(resource);
            _runners.AddRange(IdsOf(resource).Select((id, replica) => new ResourceRunner(resource, replica, id, context)));
        }

        _followers.AddRange(resources.OfType<PostgresDatabaseResource>()
            .Select(database => DatabaseFollower.FollowAsync(database, notifications, _stopped.Token)));
        if (!state.IsTemporary)
        {
            _followers.Add(StatusFile.WriteAsync(state.StatusFile, notifications, _stopped.Token));
            _followers.Add(ControlFolder.FollowAsync(this, Path.Combine(state.Directory, "control"), configuration.GetValue("AppHost:LookForOrdersEvery", TimeSpan.FromSeconds(1)), _stopped.Token));
        }

        foreach (var runner in _runners.Where(runner => !runner.Resource.Annotations.OfType<ExplicitStartupAnnotation>().Any()))
        {
            runner.Start();
        }
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        var stops = new Dictionary<IResource, Lazy<Task>>();
        foreach (var resource in resources.Where(IsRun))
        {
            stops[resource] = new Lazy<Task>(async () =>
            {
                await Task.WhenAll(DependantsOf(resource).Select(dependant => stops[dependant].Value));
                await Task.WhenAll(RunnersOf(resource.Name).Select(runner => runner.StopAsync()));
            });
        }

        await Task.WhenAll(stops.Values.Select(stop => stop.Value));
        await _stopped.CancelAsync();
        await Task.WhenAll(_followers);
    }

    public async ValueTask DisposeAsync()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        await StopAsync(CancellationToken.None);
        foreach (var runner in _runners)
        {
            await runner.DisposeAsync();
        }

        await _sharedPorts.DisposeAsync();
        _probe.Dispose();
        _stopped.Dispose();
    }

    /// <summary>By resource name, which means all replicas, or by the id of one replica.</summary>
    public List<ResourceRunner> RunnersOf(string resourceNameOrId) => [.. _runners.Where(runner =>
        string.Equals(runner.Id, resourceNameOrId, StringComparison.OrdinalIgnoreCase)
        || string.Equals(runner.Resource.Name, resourceNameOrId, StringComparison.OrdinalIgnoreCase))];

    private static bool IsRun(IResource resource) => resource is IResourceWithWaitSupport;

    private static int ReplicasOf(IResource resource) => resource.TryGetLastAnnotation<ReplicaAnnotation>(out var replicas) ? replicas.Replicas : 1;

    private static IEnumerable<string> IdsOf(IResource resource) => ReplicasOf(resource) switch
    {
        1 => [resource.Name],
        var replicas => Enumerable.Range(0, replicas).Select(replica => $"{resource.Name}-{replica}"),
    };

    private IEnumerable<IResource> DependantsOf(IResource resource) => resources.Where(IsRun).Where(other =>
        other.Annotations.OfType<WaitAnnotation>().Any(wait => ReferenceEquals(wait.Resource, resource)));

    private void AllocatePorts()
    {
        var random = configuration.GetValue<bool>(RandomPortsKey);
        foreach (var resource in resources)
        {
            foreach (var endpoint in resource.Annotations.OfType<EndpointAnnotation>())
            {
                var wished = random ? null : endpoint.Port ?? endpoint.TargetPort;
                var replicas = ReplicasOf(resource);
                endpoint.SharedPort = replicas > 1 ? wished ?? PortAllocator.Free() : null;
                endpoint.AllocatedPorts = replicas > 1 ? [.. Enumerable.Range(0, replicas).Select(_ => PortAllocator.Free())] : [wished ?? PortAllocator.Free()];
            }
        }
    }
}
