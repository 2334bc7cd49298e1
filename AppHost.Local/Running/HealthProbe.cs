using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace Aspire.Hosting.Running;

/// <summary>Asks a resource's health checks: those registered by key, and HTTP checks against each replica.</summary>
internal sealed class HealthProbe(HealthCheckService checks, IOptions<HealthCheckServiceOptions> registered) : IDisposable
{
    private const int QuickFailures = 50;
    private static readonly TimeSpan _quickPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _failingPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _healthyPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan _timeout = TimeSpan.FromSeconds(5);

    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseProxy = false,
        // A connection kept would look like a caller to a service that waits for its callers to leave before it stops.
        PooledConnectionLifetime = TimeSpan.Zero,
    })
    { Timeout = _timeout };

    public bool HasChecks(IResource resource) => Keys(resource).Any() || resource.Annotations.OfType<HttpHealthCheckAnnotation>().Any();

    public void RequireRegistered(IResource resource)
    {
        if (Keys(resource).FirstOrDefault(key => registered.Value.Registrations.All(known => known.Name != key)) is { } missing)
        {
            throw new DistributedApplicationException($"The health check '{missing}' of resource '{resource.Name}' is not registered.");
        }
    }

    public async Task<(HealthStatus Status, string Reason)> CheckAsync(IResource resource, int replica, CancellationToken cancel)
    {
        var keys = Keys(resource).ToHashSet();
        var status = HealthStatus.Healthy;
        if (keys.Count > 0)
        {
            var report = await checks.CheckHealthAsync(registration => keys.Contains(registration.Name), cancel);
            status = report.Status;
            if (status == HealthStatus.Unhealthy)
            {
                var failed = report.Entries.Values.First(entry => entry.Status == HealthStatus.Unhealthy);
                return (status, failed.Description ?? failed.Exception?.Message ?? "no reason given");
            }
        }

        foreach (var check in resource.Annotations.OfType<HttpHealthCheckAnnotation>())
        {
            if (await AskAsync(check, replica, cancel) is { } reason)
            {
                return (HealthStatus.Unhealthy, reason);
            }
        }

        return (status, "");
    }

    /// <summary>Quick while something starts, a second while it stays unhealthy, five seconds once it is healthy.</summary>
    public static TimeSpan Pause(int failures) => failures switch
    {
        0 => _healthyPause,
        < QuickFailures => _quickPause,
        _ => _failingPause,
    };

    public static bool IsWorthSaying(int failures) => failures > QuickFailures && failures % QuickFailures == 1;

    public void Dispose() => _http.Dispose();

    private static IEnumerable<string> Keys(IResource resource) => resource.Annotations.OfType<HealthCheckAnnotation>().Select(check => check.Key);

    private async Task<string?> AskAsync(HttpHealthCheckAnnotation check, int replica, CancellationToken cancel)
    {
        var endpoint = check.Endpoint.EndpointAnnotation;
        var url = new Uri(new Uri(endpoint.UrlFor(endpoint.AllocatedPorts[replica])), check.Path);
        try
        {
            using var response = await _http.GetAsync(url, cancel);
            return (int)response.StatusCode == check.StatusCode ? null : $"{url} answered {(int)response.StatusCode}, not {check.StatusCode}";
        }
        catch (Exception e) when (e is HttpRequestException || (e is TaskCanceledException && !cancel.IsCancellationRequested))
        {
            return $"{url}: {e.Message}";
        }
    }
}
