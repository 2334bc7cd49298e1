using Yarp.ReverseProxy.Health;
using Yarp.ReverseProxy.Model;

namespace OpsPlatform.Gateway.Routing;

/// <summary>
/// An instance that refuses a connection is left out at once; one that answers badly, when too many requests in a short
/// while fail, as the proxy's own policy judges.
/// </summary>
internal sealed class LeaveOutUnreachable(IDestinationHealthUpdater health, IServiceProvider services) : IPassiveHealthCheckPolicy
{
    public const string PolicyName = "LeaveOutUnreachable";

    // Looked up late: this policy is itself one of those.
    private readonly Lazy<IPassiveHealthCheckPolicy> rate = new(() => services.GetServices<IPassiveHealthCheckPolicy>()
        .Single(policy => policy.Name == HealthCheckConstants.PassivePolicy.TransportFailureRate));

    public string Name => PolicyName;

    public void RequestProxied(HttpContext context, ClusterState cluster, DestinationState destination)
    {
        if (Failures.IsUnreachable(context.GetForwarderErrorFeature()))
        {
            health.SetPassive(cluster, destination, DestinationHealth.Unhealthy, Upstreams.LeftOutFor);
            return;
        }

        rate.Value.RequestProxied(context, cluster, destination);
    }
}
