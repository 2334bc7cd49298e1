namespace OpsPlatform.Attack.Tests.Fixtures;

/// <summary>Instances are announced for the gateway, to which nobody is routed by the registry.</summary>
internal static class RegistryFixtures
{
    private const string Key = "key-of-the-attacked-instance";
    private static readonly string Instances = "/registry/services/gateway/instances";

    public static FixtureTable Table { get; } = new()
    {
        { "PUT /registry/services/{service}/instances/{id}", _ => Announced(Guid.NewGuid()) },
        { "DELETE /registry/services/{service}/instances/{id}", async world => new Call("DELETE", $"{Instances}/{await world.Announced(Announced)}") { Json = new System.Text.Json.Nodes.JsonObject { ["key"] = Key } }.AsClient("gateway") },
        { "GET /registry/routes", _ => Call.Get("/registry/routes").AsClient("gateway") },
        { "GET /registry/services", _ => Call.Get("/registry/services").WithQuery("limit", 5) },
        { "GET /registry/services/{service}/instances", _ => Call.Get(Instances).WithQuery("limit", 5).AsOperator() },
        { "GET /registry/history", _ => Call.Get("/registry/history").WithQuery("limit", 5).AsOperator() },
    };

    private static Call Announced(Guid id) => Call.Put($"{Instances}/{id}", new
    {
        key = Key,
        address = "http://127.0.0.1:9",
        version = "1.0",
        hostName = "attacked",
        processId = 1,
        uptimeSeconds = 1.5,
        status = "healthy",
        checks = new[] { new { name = "database", status = "healthy", description = "fine" } },
    }).AsClient("gateway");
}
