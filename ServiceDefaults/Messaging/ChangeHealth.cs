using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>Whether captured changes are heard: a queue may be out of reach while the bus's own connection is well.</summary>
internal sealed class ChangeHealth(TimeProvider time) : IHealthCheck
{
    /// <summary>A connection is made anew in less.</summary>
    private static readonly TimeSpan MaxDeaf = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan MaxWork = TimeSpan.FromSeconds(30);

    private sealed record State(bool IsListening, bool IsWorking, long Since);

    private volatile State _state = new(false, false, time.GetTimestamp());

    /// <summary>Waits for changes.</summary>
    public void Listening() => _state = new(true, false, time.GetTimestamp());

    /// <summary>Has taken changes that are not acknowledged yet.</summary>
    public void Working() => _state = new(true, true, time.GetTimestamp());

    public void Deaf() => _state = _state.IsListening ? new(false, false, time.GetTimestamp()) : _state;

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var state = _state;
        var since = time.GetElapsedTime(state.Since);
        return Task.FromResult(state switch
        {
            { IsListening: false } when since > MaxDeaf => HealthCheckResult.Degraded("Captured changes are not heard."),
            { IsWorking: true } when since > MaxWork => HealthCheckResult.Degraded("Captured changes are taken and not done."),
            _ => HealthCheckResult.Healthy(),
        });
    }
}
