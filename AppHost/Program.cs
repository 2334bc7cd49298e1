using Microsoft.Extensions.Configuration;

var builder = DistributedApplication.CreateBuilder(args);
var useVolumes = builder.Configuration.GetValue("UseVolumes", true);
var gatewayPort = builder.Configuration.GetValue("GatewayPort", 8080);

builder.AddDockerComposeEnvironment("compose");

// Opens every organisation's failed messages to who runs the platform; see ./run errors.
var operatorKey = builder.AddParameter("operator-key", new GenerateParameterDefault { MinLength = 32, Special = false }, secret: true, persist: true);
// Each process may hold 43 connections (Orders 46, Registry and OperationTracking 47, Sync 55): the image's own limit of 100 is too few.
var postgres = builder.AddPostgres("postgres").WithImageTag("18.3").WithArgs(
    "-c", "max_connections=500",
    // The servers' own defaults are of a time of small machines: what is read and written often stays in memory, and each page is
    // written whole to the log once in some minutes, not once in some seconds.
    "-c", "shared_buffers=512MB",
    "-c", "max_wal_size=4GB",
    // A plan made while a table was empty may read all of it once it has grown; it lasts until the table is next analysed.
    "-c", "autovacuum_naptime=15s",
    // CREATE EXTENSION pg_stat_statements in any database then shows which statements take the time.
    "-c", "shared_preload_libraries=pg_stat_statements");
var messaging = builder.AddRabbitMQ("messaging").WithImageTag("4.3-management").WithManagementPlugin();
if (useVolumes)
{
    postgres.WithDataVolume();
    messaging.WithDataVolume();
}

// Each service proves by its own secret who it is, to the two that ask: the registry and the identity service.
string[] clients = ["identity", "registry", "inventory", "orders", "sync", "operations", "analytics", "gateway"];
var secrets = clients.ToDictionary(client => client, client =>
    builder.AddParameter($"{client}-secret", new GenerateParameterDefault { MinLength = 32, Special = false }, secret: true, persist: true));

var identity = KnowingClients(AddService<Projects.Identity>("identity", postgres.AddDatabase("identitydb", "identity")));
var registry = KnowingClients(AddService<Projects.Registry>("registry", postgres.AddDatabase("registrydb", "registry"))).WithReference(identity);
var inventory = AddService<Projects.Inventory>("inventory", postgres.AddDatabase("inventorydb", "inventory")).WithReference(identity).WithReference(registry).WithReplicas(2);
var orders = AddService<Projects.Orders>("orders", postgres.AddDatabase("ordersdb", "orders")).WithReference(identity).WithReference(registry);
var sync = AddService<Projects.Sync>("sync", postgres.AddDatabase("syncdb", "sync")).WithReference(identity).WithReference(registry).WithReplicas(2);
var operations = AddService<Projects.OperationTracking>("operations", postgres.AddDatabase("operationsdb", "operations")).WithReference(identity).WithReference(registry);
var analytics = AddService<Projects.Analytics>("analytics", postgres.AddDatabase("analyticsdb", "analytics"))
    .WithReference(identity).WithReference(registry).WithReference(orders).WithReference(inventory);
identity.WithReference(registry);
// Orders asks both what they did for an order, when somebody wants its story.
orders.WithReference(inventory).WithReference(sync);
// It asks whether a plan can be agreed to before it holds its work for that.
inventory.WithReference(operations);
// It has operations undone by the services that worked on them.
operations.WithReference(inventory).WithReference(orders);
// It compares what the feed says with the tables the changes came from.
sync.WithReference(inventory).WithReference(orders).WithReference(analytics);

// Seals the keys that sign tokens in the identity service's database. To change it, hand on the old one as Identity__PreviousKeyEncryptionKey once.
var keyEncryptionKey = builder.AddParameter("key-encryption-key", new GenerateParameterDefault { MinLength = 32, Special = false }, secret: true, persist: true);
identity.WithEnvironment("Identity__KeyEncryptionKey", keyEncryptionKey);
// Signs checkpoints of timelines; no database holds it. To change it, hand on the old one's public part as Audit__FormerKeys from then on.
operations.WithEnvironment("Audit__SigningKey", builder.AddParameter("audit-signing-key", new SigningKeyDefault(), secret: true, persist: true));

if (builder.ExecutionContext.IsRunMode)
{
    identity.WithEnvironment("Demo__Enabled", "true");
    // Receivers under development listen on this machine.
    operations.WithEnvironment("Webhooks__AllowInsecure", "on");
}

// Nobody but the gateway waits for another service: each goes on when another is away.
InDevelopment(builder.AddProject<Projects.Gateway>("gateway"))
    .WithReplicas(2)
    // Callers reach the gateway directly: what they claim to have been forwarded for is not to be believed.
    .DisableForwardedHeaders()
    .WithHttpEndpoint(port: gatewayPort, name: "http")
    .WithExternalHttpEndpoints()
    .WithEnvironment("Operator__Key", operatorKey)
    .WithEnvironment("Client__Secret", secrets["gateway"])
    .WithHttpHealthCheck("/health")
    .WithReference(identity).WaitFor(identity)
    .WithReference(registry).WaitFor(registry)
    .WithReference(inventory).WaitFor(inventory)
    .WithReference(orders).WaitFor(orders)
    .WithReference(sync).WaitFor(sync)
    .WithReference(operations).WaitFor(operations)
    .WithReference(analytics).WaitFor(analytics);

builder.Build().Run();

IResourceBuilder<ProjectResource> AddService<TProject>(string name, IResourceBuilder<PostgresDatabaseResource> database)
    where TProject : IProjectMetadata, new() =>
    InDevelopment(builder.AddProject<TProject>(name))
        .WithHttpEndpoint()
        .WithEnvironment("Operator__Key", operatorKey)
        .WithEnvironment("Client__Secret", secrets[name])
        .WithHttpHealthCheck("/health")
        .WithReference(database).WaitFor(database)
        .WithReference(messaging).WaitFor(messaging);

IResourceBuilder<ProjectResource> KnowingClients(IResourceBuilder<ProjectResource> service)
{
    foreach (var (client, secret) in secrets)
    {
        service.WithEnvironment($"Clients__{client}", secret);
    }

    return service;
}

IResourceBuilder<ProjectResource> InDevelopment(IResourceBuilder<ProjectResource> project) => builder.ExecutionContext.IsRunMode
    ? project.WithEnvironment("ASPNETCORE_ENVIRONMENT", "Development")
    : project;

/// <summary>Names this assembly to the tests that start the whole system.</summary>
// Top-level programs live in the global namespace, and so does their marker.
#pragma warning disable CA1050
public sealed class AppHostMarker;
