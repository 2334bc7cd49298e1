using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Consistency;
using OpsPlatform.ServiceDefaults.Errors;
using OpsPlatform.ServiceDefaults.Hops;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Registry;
using OpsPlatform.ServiceDefaults.Telemetry;
using OpsPlatform.ServiceDefaults.Tenancy;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.ServiceDefaults;

/// <summary>The service's own name, as in its database, its queues and its paths.</summary>
public sealed record ServiceName(string Value);

/// <summary>What every service does the same way.</summary>
public static class ServiceDefaultsExtensions
{
    /// <summary>Requests in hand may finish within this time after a stop was asked for.</summary>
    private static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(25);

    /// <summary>Telemetry, health, problems, tokens, tenancy and limits. Call it first.</summary>
    /// <param name="service">Lower case; also the prefix of the service's roles and queues.</param>
    public static WebApplicationBuilder AddServiceDefaults(this WebApplicationBuilder builder, string service)
    {
        builder.Services.AddSingleton(new ServiceName(service));
        builder.Services.AddSingleton<TimeProvider, GatheredTime>();
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = ShutdownTimeout);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = BodyLimit.MaxBytes;
            // Every byte reads as something, so that a header that is no text is refused with a problem and not by the server without a word.
            kestrel.RequestHeaderEncodingSelector = _ => Encoding.Latin1;
        });
        // Per request, these say what the traces say better.
        foreach (var category in (string[])["Microsoft.AspNetCore", "Microsoft.EntityFrameworkCore", "Microsoft.Extensions.Http", "System.Net.Http", "Yarp"])
        {
            builder.Logging.AddFilter(category, LogLevel.Warning);
        }

        // It would say so at each question, some times a second; a change is in the log once, as the registry is told.
        builder.Logging.AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None);

        builder.AddTelemetry(service);
        builder.Services.AddProblems();
        builder.Services.AddTokenAuthentication(builder.Configuration);
        builder.Services.AddScoped<Caller>();
        builder.Services.AddHealthChecks();
        builder.AddDrain();
        builder.Services.AddApiDescription();
        builder.AddRegistration();
        return builder;
    }

    /// <summary>The request pipeline and the endpoints every service has. Call it before mapping the service's own.</summary>
    /// <param name="onceTheCallerIsKnown">Runs after the token was looked at and before anybody is refused for the lack of one.</param>
    /// <param name="scopesAreChecked">False for the gateway, which hands on and knows no endpoints.</param>
    public static WebApplication UseServiceDefaults(this WebApplication app, Action<WebApplication>? onceTheCallerIsKnown = null, bool scopesAreChecked = true)
    {
        var service = app.Services.GetRequiredService<ServiceName>().Value;
        var hasDatabase = app.Services.GetService<IServiceProviderIsService>()?.IsService(typeof(Database.ServiceDatabase)) == true;
        app.Use(app.Services.GetRequiredService<Drain>().Handle);
        app.UseProblems();
        if (hasDatabase)
        {
            app.UseMiddleware<Database.StartingMiddleware>();
        }

        app.UseAuthentication();
        app.UseMiddleware<CallerMiddleware>();
        onceTheCallerIsKnown?.Invoke(app);
        app.UseAuthorization();
        app.UseBodyLimit();
        if (scopesAreChecked)
        {
            app.UseMiddleware<ScopeMiddleware>();
        }

        if (hasDatabase)
        {
            app.UseMiddleware<Idempotency.IdempotencyMiddleware>();
        }

        // A place for the document's name in the path would be one for any name, and a POST to a path that is not there be told of the GET there is.
        app.MapOpenApi($"/{service}/openapi.json").AllowAnonymous();
        app.MapHealth();
        if (hasDatabase)
        {
            app.MapErrors(service);
            app.MapChangeStats(service);
            app.MapHops(service);
            app.MapUndo(service);
            if (app.Services.GetRequiredService<Database.ServiceDatabase>().TracksTables)
            {
                app.MapConsistency(service);
            }
        }

        return app;
    }
}
