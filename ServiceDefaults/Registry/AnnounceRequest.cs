using System.ComponentModel.DataAnnotations;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.ServiceDefaults.Registry;

/// <summary>What state an instance is in; the gateway sends requests to healthy and degraded ones.</summary>
public enum InstanceState
{
    /// <summary>It runs and is not ready yet.</summary>
    Starting,

    Healthy,

    /// <summary>It works, but something it needs is away, such as its database or the broker.</summary>
    Degraded,

    /// <summary>Its start failed, it cannot be reached, or it is finishing its last requests.</summary>
    Unhealthy,

    /// <summary>It let its lease run out.</summary>
    Lost,

    /// <summary>It said goodbye.</summary>
    Stopped,
}

/// <summary>What an instance says of itself, when it registers and again at every heartbeat.</summary>
/// <param name="Key">Made by the instance and known to it alone: with it, and only with it, the instance is renewed or deregistered.</param>
/// <param name="Address">Scheme, host and port under which this one instance is reached.</param>
/// <param name="Status">starting, healthy, degraded or unhealthy.</param>
public sealed record AnnounceRequest(
    [StringLength(100, MinimumLength = 16)] string Key,
    [StringLength(InstanceAddress.MaxChars, MinimumLength = 1)] string Address,
    [StringLength(200, MinimumLength = 1)] string Version,
    [StringLength(255, MinimumLength = 1)] string HostName,
    [AtLeast(1)] int ProcessId,
    [Range(0, AnnounceRequest.MaxUptimeSeconds)] double UptimeSeconds,
    InstanceState Status,
    [MaxLength(AnnounceRequest.MaxChecks)] IReadOnlyList<CheckReport> Checks)
{
    public const int MaxChecks = 50;

    /// <summary>A century.</summary>
    public const double MaxUptimeSeconds = 3_155_760_000;
}

/// <summary>One health check's answer.</summary>
public sealed record CheckReport(
    [StringLength(CheckReport.MaxNameChars, MinimumLength = 1)] string Name,
    InstanceState Status,
    [StringLength(CheckReport.MaxDescriptionChars)] string? Description)
{
    public const int MaxNameChars = 100;
    public const int MaxDescriptionChars = 500;
}

/// <summary>The registry's answer to an announcement: how it sees the instance, and when to come again.</summary>
/// <param name="HeartbeatMs">Announce again after this many milliseconds.</param>
/// <param name="LeaseMs">Without an announcement for this many milliseconds the instance is lost.</param>
public sealed record LeaseResponse(InstanceState State, string Reason, int HeartbeatMs, int LeaseMs);
