using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace OpsPlatform.ServiceDefaults.Telemetry;

/// <summary>Traces, metrics and logs over OTLP, when OTEL_EXPORTER_OTLP_ENDPOINT says where to.</summary>
internal static class TelemetrySetup
{
    public static readonly ActivitySource Source = new("OpsPlatform");

    private static readonly string[] Sources = ["Microsoft.AspNetCore", "System.Net.Http", "Npgsql", "MassTransit", Source.Name];

    private static readonly string[] Meters =
        ["Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Net.Http", "System.Runtime", "Npgsql", "MassTransit", "OpsPlatform"];

    public static void AddTelemetry(this WebApplicationBuilder builder, string service)
    {
        Activity.DefaultIdFormat = ActivityIdFormat.W3C;
        if (string.IsNullOrEmpty(builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]))
        {
            return;
        }

        builder.Logging.AddOpenTelemetry(logs =>
        {
            logs.IncludeScopes = true;
            logs.SetResourceBuilder(ResourceBuilder.CreateDefault().AddService(service));
            logs.AddOtlpExporter();
        });
        var sdk = OpenTelemetrySdk.Create(telemetry => telemetry
            .ConfigureResource(resource => resource.AddService(service))
            .WithTracing(tracing => tracing.AddSource(Sources).AddOtlpExporter())
            .WithMetrics(metrics => metrics.AddMeter(Meters).AddOtlpExporter()));
        // Held by the container so that the last spans leave when the process stops.
        builder.Services.AddSingleton(_ => sdk);
        builder.Services.AddHostedService<FlushTelemetry>();
    }

    private sealed class FlushTelemetry(OpenTelemetrySdk sdk) : Microsoft.Extensions.Hosting.IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken)
        {
            sdk.TracerProvider.ForceFlush(2000);
            sdk.MeterProvider.ForceFlush(2000);
            return Task.CompletedTask;
        }
    }
}
