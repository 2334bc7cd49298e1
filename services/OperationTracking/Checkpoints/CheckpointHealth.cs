using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace OpsPlatform.OperationTracking.Checkpoints;

/// <summary>Degraded without a key to sign with: all else works.</summary>
internal sealed class CheckpointHealth(CheckpointKeys keys) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) => Task.FromResult(
        keys.CanSign ? HealthCheckResult.Healthy() : HealthCheckResult.Degraded("Checkpoints of timelines are not signed: set Audit__SigningKey."));
}
