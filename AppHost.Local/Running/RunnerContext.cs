namespace Aspire.Hosting.Running;

/// <summary>What every runner needs of its application.</summary>
internal sealed record RunnerContext(
    ResourceNotificationService Notifications,
    HostState State,
    LaunchPlan Plan,
    HealthProbe Probe,
    SharedPorts SharedPorts,
    TimeProvider Time,
    IServiceProvider Services,
    Func<IResource, IEnumerable<string>> IdsOf,
    bool LogsToConsole);
