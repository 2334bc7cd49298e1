using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.ServiceDefaults.Telemetry;

internal sealed record HealthEndpoint;

/// <summary>/health: may requests come here? /alive: does the process answer at all?</summary>
internal static class HealthSetup
{
    public static void MapHealth(this WebApplication app)
    {
        app.MapHealthChecks("/health", new HealthCheckOptions { ResponseWriter = Write }).AllowAnonymous().WithMetadata(new HealthEndpoint());
        app.MapHealthChecks("/alive", new HealthCheckOptions { Predicate = _ => false, ResponseWriter = Write }).AllowAnonymous().WithMetadata(new HealthEndpoint());
    }

    /// <summary>What anybody may read of a check: none but fixed sentences. What exactly failed, with its address, is in the log.</summary>
    public static string? Sentence(HealthReportEntry entry) => entry switch
    {
        { Status: HealthStatus.Healthy } => null,
        { Exception: not null } => "The check failed.",
        _ => entry.Description,
    };

    private static Task Write(HttpContext http, HealthReport report)
    {
        http.Response.ContentType = "application/json";
        return http.Response.WriteAsync(JsonSerializer.Serialize(new
        {
            status = report.Status.ToString().ToLowerInvariant(),
            checks = report.Entries.ToDictionary(
                entry => entry.Key, entry => new { status = entry.Value.Status.ToString().ToLowerInvariant(), description = Sentence(entry.Value) }),
        }));
    }
}

/// <summary>Unhealthy until the schema is there; afterwards an absent database is degraded: one blip must not empty the gateway.</summary>
internal sealed partial class DatabaseHealth(ServiceDatabase database, ILogger<DatabaseHealth> log) : IHealthCheck
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(2);

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (!database.Ready.IsCompletedSuccessfully)
        {
            return HealthCheckResult.Unhealthy("The database is not ready yet.");
        }

        try
        {
            using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            timeout.CancelAfter(Timeout);
            // By the pool of requests: the first to meet a session that ended with the server is no caller.
            await using var ping = database.App.CreateCommand("SELECT 1");
            await ping.ExecuteScalarAsync(timeout.Token);
            return HealthCheckResult.Healthy();
        }
        catch (Exception exception) when (exception is NpgsqlException or TimeoutException or OperationCanceledException)
        {
            Away(exception.Message);
            return HealthCheckResult.Degraded("The database is away.");
        }
    }

    [LoggerMessage(LogLevel.Warning, "The database is away: {Reason}")]
    private partial void Away(string reason);
}
