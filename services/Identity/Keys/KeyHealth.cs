using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace OpsPlatform.Identity.Keys;

/// <summary>Without keys nobody can be let in: unhealthy until they are read once.</summary>
internal sealed class KeyHealth(KeyRing ring) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(ring.IsLoaded ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("The signing keys are not read yet."));
}
