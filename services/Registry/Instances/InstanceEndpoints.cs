using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Registry.Instances;

internal static class InstanceEndpoints
{
    /// <summary>The data source for what is asked all the time in one statement: heartbeats, routes, looks at leases. Its sessions are not reset after each.</summary>
    public const string Looks = "looks";

    private const int LookConnections = 4;

    public static void AddInstances(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton(RegistrySettings.From(builder.Configuration));
        builder.Services.AddClientProof();
        builder.Services.AddSingleton<Probe>();
        builder.Services.AddSingleton<Routes.RouteSignal>();
        builder.Services.AddSingleton<InstanceList>();
        builder.Services.AddKeyedSingleton(Looks, (services, _) => services.GetRequiredService<ServiceDatabase>().Apart(LookConnections));
        builder.Services.AddHostedService<LoseSilentInstances>();
        builder.Services.AddHostedService<ProbeInstances>();
    }

    public static void MapInstances(this WebApplication app)
    {
        var own = app.MapApi("/registry/services/{service}/instances", ClientProof.OwnName).WithTags("instances");
        own.MapPut("/{id:guid}", Announce.Handle).WithSummary("Register this instance or renew its lease (the service's own secret)");
        own.MapDelete("/{id:guid}", Leave.Handle).WithSummary("Deregister this instance (the service's own secret)");
        app.MapApi("/registry/routes", ClientProof.Gateway).WithTags("routes")
            .MapGet("", Routes.GetRoutes.Handle).WithSummary("Where requests may go; waits up to 25 s for another list than ?after= (the gateway's secret)");
    }
}
