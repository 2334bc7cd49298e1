using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>Whether there is a broker and all is heard that comes from it. Orders are taken meanwhile: that is degraded, not unhealthy.</summary>
internal sealed class BrokerHealth(Listener listener, IEnumerable<Hearing> hearings) : IHealthCheck
{
    /// <summary>A connection is made anew in less.</summary>
    private static readonly TimeSpan MaxAway = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan MaxWork = TimeSpan.FromSeconds(30);

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        string[] troubles = listener.Away > MaxAway ? ["The broker is away."] : [.. hearings.SelectMany(Troubles)];
        return Task.FromResult(troubles.Length == 0 ? HealthCheckResult.Healthy() : HealthCheckResult.Degraded(string.Join(' ', troubles)));
    }

    private static IEnumerable<string> Troubles(Hearing hearing) => hearing.Trouble() switch
    {
        { Deaf: var deaf } when deaf > MaxAway => [$"{hearing.Name} not heard for {deaf.TotalSeconds:0} s."],
        { AtWork: var atWork } when atWork > MaxWork => [$"{hearing.Name} taken {atWork.TotalSeconds:0} s ago and not done."],
        _ => [],
    };
}
