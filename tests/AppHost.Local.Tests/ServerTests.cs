using Aspire.Hosting;
using Aspire.Hosting.Running;
using Aspire.Hosting.Testing;

namespace OpsPlatform.AppHost.Local.Tests;

public sealed class ServerTests
{
    [Fact]
    public async Task Servers_that_are_killed_come_back_at_the_same_port_with_their_data()
    {
        await using var builder = DistributedApplicationTestingBuilder.Create();
        builder.AddPostgres("postgres").AddDatabase("ordersdb", "orders");
        builder.AddRabbitMQ("messaging").WithManagementPlugin();
        await using var app = await builder.BuildAsync();
        await app.StartAsync();
        await app.HealthyAsync("ordersdb");
        var orders = (await app.GetConnectionStringAsync("ordersdb"))!;
        await Hosts.SqlAsync(orders, "CREATE TABLE kept AS SELECT 42 AS answer");
        var postgres = await app.HealthyPidAsync("postgres");
        var broker = await app.HealthyPidAsync("messaging");
        File.ReadAllText($"/proc/{broker}/comm").ShouldStartWith("beam", customMessage: "the process id is the broker's own");

        Posix.Send(postgres, Signal.Kill);
        Posix.Send(broker, Signal.Kill);
        await app.HealthyPidAsync("postgres", otherThan: postgres);
        await app.HealthyPidAsync("messaging", otherThan: broker);

        (await app.GetConnectionStringAsync("ordersdb")).ShouldBe(orders);
        (await Hosts.SqlAsync(orders, "SELECT answer FROM kept")).ShouldBe("42");
        var credentials = new Uri((await app.GetConnectionStringAsync("messaging"))!).UserInfo;
        (await Hosts.RunAsync("curl", ["-sf", "-u", credentials, $"{app.GetEndpoint("messaging", "management")}api/whoami"])).ShouldContain("guest");
    }

    [Fact]
    public async Task A_second_start_finds_the_data_and_the_password_of_the_first()
    {
        using var state = new StateFolder();
        string first;
        await using (var app = Build())
        {
            await app.StartAsync();
            await app.HealthyAsync("ordersdb");
            first = (await app.GetConnectionStringAsync("ordersdb"))!;
            await Hosts.SqlAsync(first, "CREATE TABLE kept AS SELECT 42 AS answer");
        }

        await using var again = Build();
        await again.StartAsync();
        await again.HealthyAsync("ordersdb");
        var second = (await again.GetConnectionStringAsync("ordersdb"))!;

        (await Hosts.SqlAsync(second, "SELECT answer FROM kept")).ShouldBe("42");
        Password(second).ShouldBe(Password(first));
        (await Hosts.RunAsync("stat", ["-c", "%a", Path.Combine(state.Path, "secrets.json")])).ShouldBe("600");

        DistributedApplication Build()
        {
            var builder = DistributedApplication.CreateBuilder([state.Argument]);
            builder.AddPostgres("postgres").WithDataVolume().AddDatabase("ordersdb", "orders");
            return builder.Build();
        }

        static string Password(string connectionString) => connectionString.Split(';').Single(field => field.StartsWith("Password=", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_server_is_reached_from_this_machine_only_and_with_a_password()
    {
        await using var builder = DistributedApplicationTestingBuilder.Create();
        builder.AddPostgres("postgres").WithArgs("-c", "max_connections=77").AddDatabase("ordersdb", "orders");
        await using var app = await builder.BuildAsync();
        await app.StartAsync();
        await app.HealthyAsync("ordersdb");
        var orders = (await app.GetConnectionStringAsync("ordersdb"))!;

        (await Hosts.SqlAsync(orders, "SHOW listen_addresses")).ShouldBe("localhost");
        (await Hosts.SqlAsync(orders, "SHOW max_connections")).ShouldBe("77");
        (await Hosts.SqlAsync(orders, "SELECT count(*) FROM pg_hba_file_rules WHERE auth_method <> 'scram-sha-256'")).ShouldBe("0");
    }

    [Fact]
    public async Task Several_applications_run_beside_each_other()
    {
        await using var one = DistributedApplicationTestingBuilder.Create();
        await using var two = DistributedApplicationTestingBuilder.Create();
        one.AddPostgres("postgres").AddDatabase("ordersdb");
        two.AddPostgres("postgres").AddDatabase("ordersdb");
        await using var first = await one.BuildAsync();
        await using var second = await two.BuildAsync();

        await Task.WhenAll(first.StartAsync(), second.StartAsync());
        await Task.WhenAll(first.HealthyAsync("ordersdb"), second.HealthyAsync("ordersdb"));

        (await first.GetConnectionStringAsync("ordersdb")).ShouldNotBe(await second.GetConnectionStringAsync("ordersdb"));
    }
}
