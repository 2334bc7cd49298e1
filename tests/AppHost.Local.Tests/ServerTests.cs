using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;

namespace OpsPlatform.AppHost.Local.Tests;

public sealed class ServerTests
{
    [Fact]
    public async Task PostgreSQL_and_RabbitMQ_become_healthy_within_the_time_a_test_run_can_spare()
    {
        var builder = DistributedApplicationTestingBuilder.Create();
        var postgres = builder.AddPostgres("postgres");
        postgres.AddDatabase("ordersdb", "orders");
        builder.AddRabbitMQ("messaging").WithManagementPlugin();
        await using var app = await builder.BuildAsync();

        await app.StartAsync();
        await app.ResourceNotifications.WaitForResourceHealthyAsync("ordersdb").WaitAsync(TimeSpan.FromSeconds(15));
        await app.ResourceNotifications.WaitForResourceHealthyAsync("messaging").WaitAsync(TimeSpan.FromSeconds(20));

        (await app.GetConnectionStringAsync("ordersdb")).ShouldNotBeNull().ShouldEndWith(";Database=orders");
        (await app.GetConnectionStringAsync("messaging")).ShouldNotBeNull().ShouldStartWith("amqp://guest:");
    }
}
