using Microsoft.Extensions.Configuration;

var builder = DistributedApplication.CreateBuilder(args);
var useVolumes = builder.Configuration.GetValue("UseVolumes", true);
var gatewayPort = builder.Configuration.GetValue("GatewayPort", 8080);

builder.AddDockerComposeEnvironment("compose");

// Opens every organisation's failed messages to who runs the platform; see ./run errors.
var operatorKey = builder.AddParameter("operator-key", new GenerateParameterDefault { MinLength = 32, Special = false }, secret: true, persist: true);
var postgres = builder.AddPostgres("postgres").WithImageTag("18.3");
var messaging = builder.AddRabbitMQ("messaging").WithImageTag("4.3-management").WithManagementPlugin();
if (useVolumes)
{
    postgres.WithDataVolume();
    messaging.WithDataVolume();
}

var identity = AddService<Projects.Identity>("identity", postgres.AddDatabase("identitydb", "identity"));
var inventory = AddService<Projects.Inventory>("inventory", postgres.AddDatabase("inventorydb", "inventory")).WithReference(identity);
var orders = AddService<Projects.Orders>("orders", postgres.AddDatabase("ordersdb", "orders")).WithReference(identity);
var sync = AddService<Projects.Sync>("sync", postgres.AddDatabase("syncdb", "sync")).WithReference(identity);

if (builder.ExecutionContext.IsRunMode)
{
    identity.WithEnvironment("Demo__Enabled", "true");
}

// Nobody but the gateway waits for another service: each goes on when another is away.
InDevelopment(builder.AddProject<Projects.Gateway>("gateway"))
    // Callers reach the gateway directly: what they claim to have been forwarded for is not to be believed.
    .DisableForwardedHeaders()
    .WithHttpEndpoint(port: gatewayPort, name: "http")
    .WithExternalHttpEndpoints()
    .WithEnvironment("Operator__Key", operatorKey)
    .WithHttpHealthCheck("/health")
    .WithReference(identity).WaitFor(identity)
    .WithReference(inventory).WaitFor(inventory)
    .WithReference(orders).WaitFor(orders)
    .WithReference(sync).WaitFor(sync);

builder.Build().Run();

IResourceBuilder<ProjectResource> AddService<TProject>(string name, IResourceBuilder<PostgresDatabaseResource> database)
    where TProject : IProjectMetadata, new() =>
    InDevelopment(builder.AddProject<TProject>(name))
        .WithHttpEndpoint()
        .WithEnvironment("Operator__Key", operatorKey)
        .WithHttpHealthCheck("/health")
        .WithReference(database).WaitFor(database)
        .WithReference(messaging).WaitFor(messaging);

IResourceBuilder<ProjectResource> InDevelopment(IResourceBuilder<ProjectResource> project) => builder.ExecutionContext.IsRunMode
    ? project.WithEnvironment("ASPNETCORE_ENVIRONMENT", "Development")
    : project;

/// <summary>Names this assembly to the tests that start the whole system.</summary>
// Top-level programs live in the global namespace, and so does their marker.
#pragma warning disable CA1050
public sealed class AppHostMarker;
