namespace OpsPlatform.Contracts;

/// <summary>An instance of a service is now in another state; the gateway routes to healthy and degraded ones.</summary>
/// <param name="From">starting, healthy, degraded, unhealthy, lost or stopped; null for an instance seen for the first time.</param>
/// <param name="Reason">What the instance or the probe said, for a person to read.</param>
public sealed record ServiceHealthChanged(
    string Service, Guid InstanceId, string Address, string? From, string To, string Reason, DateTimeOffset ChangedAt);
