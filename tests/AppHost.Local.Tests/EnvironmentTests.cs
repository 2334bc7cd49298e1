using Aspire.Hosting;
using Aspire.Hosting.Testing;

namespace OpsPlatform.AppHost.Local.Tests;

public sealed class EnvironmentTests
{
    [Fact]
    public async Task A_reference_gives_the_variables_that_Aspire_gives()
    {
        await using var builder = DistributedApplicationTestingBuilder.Create();
        var password = builder.AddParameter("secret", "p/w", secret: true);
        var database = builder.AddPostgres("postgres", password: password).WithExplicitStart().AddDatabase("ordersdb", "orders");
        var broker = builder.AddRabbitMQ("messaging", password: password).WithExplicitStart();
        var source = builder.AddProject<Projects.Inventory>("order-sync").WithHttpEndpoint().WithReplicas(2).WithExplicitStart();
        builder.AddExecutable("reader", "sleep", "/", "1000")
            .WithReference(database).WithReference(broker).WithReference(source)
            .WithEnvironment("URL", $"{source.GetEndpoint("http")}/x")
            .WithEnvironment("PLAIN", "text")
            .WithEnvironment("SECRET", password)
            .WithHttpEndpoint(env: "PORT");
        await using var app = await builder.BuildAsync();

        await app.StartAsync();
        var seen = await Variables(await app.HealthyPidAsync("reader"));

        var postgresPort = Port("postgres", "tcp");
        seen["ConnectionStrings__ordersdb"].ShouldBe($"Host=localhost;Port={postgresPort};Username=postgres;Password=p/w;Database=orders");
        seen["ConnectionStrings__messaging"].ShouldBe($"amqp://guest:p%2Fw@localhost:{Port("messaging", "tcp")}");
        seen["services__order-sync__http__0"].ShouldBe($"http://localhost:{Port("order-sync", "http")}");
        seen.ShouldNotContainKey("services__order-sync__http__1", "replicas share a port");
        seen["ORDER_SYNC_HTTP"].ShouldBe(seen["services__order-sync__http__0"]);
        seen["URL"].ShouldBe(seen["ORDER_SYNC_HTTP"] + "/x");
        seen["PLAIN"].ShouldBe("text");
        seen["SECRET"].ShouldBe("p/w");
        seen["PORT"].ShouldBe(Port("reader", "http").ToString());

        int Port(string resource, string endpoint) => app.GetEndpoint(resource, endpoint).Port;
    }

    [Fact]
    public async Task A_project_listens_where_the_others_look_for_it_under_its_own_name()
    {
        await using var builder = DistributedApplicationTestingBuilder.Create();
        builder.AddProject<Projects.Gateway>("gateway").WithHttpEndpoint(port: 8080).WithEnvironment("ASPNETCORE_ENVIRONMENT", "Development").WithReplicas(2);
        await using var app = await builder.BuildAsync();

        await app.StartAsync();
        var first = await Variables(await app.HealthyPidAsync("gateway-0"));
        var second = await Variables(await app.HealthyPidAsync("gateway-1"));

        first["ASPNETCORE_URLS"].ShouldNotBe(app.GetEndpoint("gateway").ToString().TrimEnd('/'), "that is the port both share");
        first["ASPNETCORE_URLS"].ShouldNotContain("8080", customMessage: "tests get free ports");
        second["ASPNETCORE_URLS"].ShouldNotBe(first["ASPNETCORE_URLS"]);
        first["OTEL_SERVICE_NAME"].ShouldBe("gateway");
        first["ASPNETCORE_ENVIRONMENT"].ShouldBe("Development");
        second["OTEL_RESOURCE_ATTRIBUTES"].ShouldNotBe(first["OTEL_RESOURCE_ATTRIBUTES"]);
    }

    private static async Task<Dictionary<string, string>> Variables(int pid)
    {
        // Empty for a moment while the process becomes the program it was started for.
        await Hosts.UntilAsync(() => Hosts.Environ(pid).Length > 0, $"the environment of process {pid}");
        return Hosts.Environ(pid).Split('\0', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('=', 2)).ToDictionary(field => field[0], field => field[1]);
    }
}
