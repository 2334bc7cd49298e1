using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;

namespace OpsPlatform.AppHost.Local.Tests;

public sealed class ModelTests
{
    private static readonly string[] Services = ["identity", "registry", "inventory", "orders", "sync", "operations", "analytics"];

    [Theory]
    [InlineData("")]
    [InlineData("1st")]
    [InlineData("-first")]
    [InlineData("two--hyphens")]
    [InlineData("hyphen-")]
    [InlineData("under_score")]
    [InlineData("dot.ted")]
    [InlineData("größe")]
    [InlineData("a1234567890123456789012345678901234567890123456789012345678901234")]
    public void A_name_that_Aspire_refuses_is_refused(string name) =>
        Should.Throw<ArgumentException>(() => DistributedApplication.CreateBuilder().AddPostgres(name));

    [Fact]
    public void The_same_name_in_other_letters_is_refused()
    {
        var builder = DistributedApplication.CreateBuilder();
        builder.AddExecutable("worker", "sleep", ".", "1");

        Should.Throw<DistributedApplicationException>(() => builder.AddExecutable("Worker", "sleep", ".", "1")).Message.ShouldContain("Worker");
    }

    [Fact]
    public void A_health_check_needs_its_endpoint_to_exist_already()
    {
        var builder = DistributedApplication.CreateBuilder();

        Should.Throw<DistributedApplicationException>(() => builder.AddProject<Projects.Identity>("identity").WithHttpHealthCheck("/health"));
    }

    [Fact]
    public void A_resource_cannot_wait_for_itself()
    {
        var worker = DistributedApplication.CreateBuilder().AddExecutable("worker", "sleep", ".", "1");

        Should.Throw<DistributedApplicationException>(() => worker.WaitFor(worker));
    }

    [Fact]
    public async Task An_endpoint_has_no_port_before_the_start()
    {
        await using var builder = DistributedApplicationTestingBuilder.Create();
        var endpoint = builder.AddPostgres("postgres").Resource.PrimaryEndpoint;

        endpoint.IsAllocated.ShouldBeFalse();
        Should.Throw<InvalidOperationException>(() => endpoint.Port);
    }

    [Fact]
    public async Task The_whole_system_is_the_services_behind_a_gateway_with_one_database_server_and_one_broker()
    {
        await using var builder = await DistributedApplicationTestingBuilder.CreateAsync<AppHostMarker>(["UseVolumes=false"]);

        builder.Resources.Select(resource => resource.Name).ShouldBe(
            [
                "operator-key", "key-encryption-key", "audit-signing-key", "postgres", "messaging", "gateway", "gateway-secret",
                .. Services.SelectMany(service => (string[])[service, $"{service}db", $"{service}-secret"]),
            ],
            ignoreOrder: true);
        WaitsOf("orders").ShouldBe(["postgres", "ordersdb", "messaging"], ignoreOrder: true);
        WaitsOf("identity").ShouldBe(["postgres", "identitydb", "messaging"], ignoreOrder: true);
        WaitsOf("gateway").ShouldBe(Services, ignoreOrder: true);
        builder.Resources.ShouldAllBe(resource => !resource.Annotations.OfType<DataVolumeAnnotation>().Any());
        builder.Resources.OfType<PostgresServerResource>().Single().Databases.Values.ShouldBe(Services, ignoreOrder: true);

        IEnumerable<string> WaitsOf(string name) => builder.Resources.Single(resource => resource.Name == name)
            .Annotations.OfType<WaitAnnotation>().Select(wait => wait.Resource.Name).Distinct();
    }

    [Fact]
    public async Task Only_the_gateway_is_reached_from_outside_at_the_port_that_was_asked_for()
    {
        await using var builder = await DistributedApplicationTestingBuilder.CreateAsync<AppHostMarker>(["GatewayPort=8123"]);

        var outside = builder.Resources.SelectMany(resource => resource.Annotations.OfType<EndpointAnnotation>()).Single(endpoint => endpoint.IsExternal);
        outside.Port.ShouldBe(8123);
        builder.Resources.Count(resource => resource.Annotations.OfType<DataVolumeAnnotation>().Any()).ShouldBe(2);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 4)]
    [InlineData(4, 8)]
    [InlineData(5, 10)]
    [InlineData(1000, 10)]
    public void A_crashed_process_is_started_again_at_once_and_then_ever_later_up_to_ten_seconds(int crashes, int seconds) =>
        Aspire.Hosting.Running.ResourceRunner.Backoff(crashes).ShouldBe(TimeSpan.FromSeconds(seconds));
}
