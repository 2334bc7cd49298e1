using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Registry;

namespace OpsPlatform.Registry.Instances;

/// <summary>One process of a service, as it describes itself and as the registry finds it.</summary>
internal sealed class Instance
{
    private const int MaxReasonChars = 500;

    public Guid Id { get; init; }

    public required string Service { get; init; }

    public required byte[] KeyHash { get; init; }

    public required string Address { get; set; }

    public InstanceState State { get; set; }

    public string Reason { get; set; } = "";

    public InstanceState Reported { get; set; }

    /// <summary>The registry has reached it at its address at least once.</summary>
    public bool Reached { get; set; }

    public string? ProbeError { get; set; }

    public required string Version { get; init; }

    public required string HostName { get; init; }

    public int ProcessId { get; init; }

    public DateTimeOffset StartedAt { get; init; }

    public DateTimeOffset RegisteredAt { get; init; }

    public DateTimeOffset ChangedAt { get; set; }

    public DateTimeOffset LastHeartbeatAt { get; set; }

    public DateTimeOffset ProbedAt { get; set; }

    public required string Health { get; set; }

    public bool IsLive => State is not (InstanceState.Lost or InstanceState.Stopped);

    public static bool IsRoutable(InstanceState state) => state is InstanceState.Healthy or InstanceState.Degraded;

    public static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    public static string HealthOf(AnnounceRequest report) => JsonSerializer.Serialize(report.Checks, Json.Options);

    /// <summary>
    /// Its own word, unless nobody reaches it: where it was never reached it gets no requests, where it was, it is degraded
    /// and the gateway finds out by itself. A registry that is cut off must not take every service away.
    /// </summary>
    public (InstanceState State, string Reason) Assess()
    {
        if (ProbeError is { } error && IsRoutable(Reported))
        {
            return (Reached ? InstanceState.Degraded : InstanceState.Unhealthy, Cut($"The registry cannot reach it: {error}"));
        }

        var checks = JsonSerializer.Deserialize<CheckReport[]>(Health, Json.Options) ?? [];
        var failing = checks.Where(check => check.Status is not InstanceState.Healthy).Select(check => $"{check.Name}: {check.Description ?? "no reason given"}").ToArray();
        return (Reported, failing.Length > 0 ? Cut(string.Join("; ", failing)) : "All its checks pass.");
    }

    private static string Cut(string text) => text.Length > MaxReasonChars ? text[..MaxReasonChars] : text;
}
