using OpsPlatform.Registry.History;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Registry.Services;

/// <summary>What runs and how it is. Every admin sees the services' names and states; addresses, hosts and reasons are the platform's own.</summary>
internal static class ServiceEndpoints
{
    public static void MapServices(this WebApplication app)
    {
        app.MapApi("/registry", Roles.Operator).WithTags("services")
            .MapGet("/services", ListServices.Handle).WithSummary("All services by name, each with its state and how many instances take requests");
        var registry = app.MapApi("/registry", Roles.Platform).WithTags("services");
        registry.MapGet("/services/{service}/instances", ListInstances.Handle).WithSummary("A service's instances, the latest first, with state, version, uptime, last heartbeat and health report; those gone stay for a day");
        registry.MapGet("/history", ListHistory.Handle).WithSummary("Changes of state, the latest first; from is included, to is not");
    }
}
