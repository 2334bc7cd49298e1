using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpsPlatform.ServiceDefaults.Telemetry;

namespace OpsPlatform.ServiceDefaults.Http;

/// <summary>
/// How a service leaves without a failed request: when told to stop it says so at /health, still takes requests for a while so
/// that whoever leads callers here can learn of it, and closes each connection with its answer. Only when the callers have
/// left, or at most some seconds later, the port is closed; a request sent just then would be lost.
/// </summary>
internal sealed partial class Drain(TimeSpan grace, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<Drain> log) : IHostedLifecycleService
{
    /// <summary>Longer than callers of ours keep an idle connection.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(6);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(50);

    private readonly ConnectionCount _connections = new();
    private int _inHand;
    private long _lastRequestAt;

    public bool IsDraining => lifetime.ApplicationStopping.IsCancellationRequested;

    public ConnectionCount Connections => _connections;

    private bool CallersHaveLeft =>
        _connections.Open == 0 || (Volatile.Read(ref _inHand) == 0 && time.GetElapsedTime(Volatile.Read(ref _lastRequestAt)) >= Quiet);

    public async Task Handle(HttpContext http, RequestDelegate next)
    {
        if (http.GetEndpoint()?.Metadata.GetMetadata<HealthEndpoint>() is not null)
        {
            await next(http);
            return;
        }

        Interlocked.Increment(ref _inHand);
        http.Response.OnStarting(static state =>
        {
            var (drain, response) = ((Drain, HttpResponse))state;
            if (drain.IsDraining)
            {
                response.Headers.Connection = "close";
            }

            return Task.CompletedTask;
        }, (this, http.Response));
        try
        {
            await next(http);
        }
        finally
        {
            Volatile.Write(ref _lastRequestAt, time.GetTimestamp());
            Interlocked.Decrement(ref _inHand);
        }
    }

    /// <summary>Before anything of the service is stopped.</summary>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        lifetime.StopApplication();
        if (grace == TimeSpan.Zero)
        {
            return;
        }

        var since = time.GetTimestamp();
        await Task.Delay(grace, time, cancellationToken);
        while (!CallersHaveLeft && time.GetElapsedTime(since) < grace + Longest)
        {
            await Task.Delay(Interval, time, cancellationToken);
        }

        Drained(time.GetElapsedTime(since).TotalSeconds, _connections.Open);
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(LogLevel.Information, "Stops after letting its callers leave for {Seconds:0.0} s; {Connections} connections are open")]
    private partial void Drained(double seconds, int connections);

    /// <summary>Connections that are open.</summary>
    internal sealed class ConnectionCount
    {
        private int _open;

        public int Open => Volatile.Read(ref _open);

        public async Task Count(ConnectionContext connection, ConnectionDelegate next)
        {
            Interlocked.Increment(ref _open);
            try
            {
                await next(connection);
            }
            finally
            {
                Interlocked.Decrement(ref _open);
            }
        }
    }
}

/// <summary>Unhealthy while it drains: no new caller is to be led here.</summary>
internal sealed class DrainHealth(Drain drain) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(drain.IsDraining ? HealthCheckResult.Unhealthy("The service is stopping.") : HealthCheckResult.Healthy());
}

internal static class DrainSetup
{
    public static void AddDrain(this WebApplicationBuilder builder)
    {
        var grace = TimeSpan.FromMilliseconds(builder.Configuration.Number("SHUTDOWN_GRACE_MS", 1000, 0, 10_000));
        builder.Services.AddSingleton(services => ActivatorUtilities.CreateInstance<Drain>(services, grace));
        builder.Services.AddHostedService(services => services.GetRequiredService<Drain>());
        builder.Services.AddHealthChecks().AddCheck<DrainHealth>("draining");
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ConfigureEndpointDefaults(endpoint =>
        {
            var connections = kestrel.ApplicationServices.GetRequiredService<Drain>().Connections;
            endpoint.Use(next => connection => connections.Count(connection, next));
        }));
    }
}
