using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace OpsPlatform.AppHost.Local.Tests;

public sealed class StartOrderTests
{
    [Fact]
    public async Task What_waits_for_another_starts_when_that_is_healthy_and_not_before()
    {
        await using var builder = DistributedApplicationTestingBuilder.Create();
        var open = false;
        builder.Services.AddHealthChecks().AddCheck("gate", () => open ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("closed"));
        var first = builder.AddExecutable("first", "sleep", "/", "1000").WithHealthCheck("gate");
        builder.AddExecutable("second", "sleep", "/", "1000").WaitFor(first);
        builder.AddExecutable("eager", "sleep", "/", "1000").WaitForStart(first);
        await using var app = await builder.BuildAsync();

        await app.StartAsync();
        await app.HealthyAsync("eager");
        app.Snapshot("first").HealthStatus.ShouldBe(HealthStatus.Unhealthy);
        app.Snapshot("second").State!.Text.ShouldBe(KnownResourceStates.Waiting);

        open = true;
        await app.HealthyAsync("second");
        app.Snapshot("first").HealthStatus.ShouldBe(HealthStatus.Healthy);
    }

    [Fact]
    public async Task What_waits_for_completion_starts_after_the_expected_exit_code()
    {
        await using var builder = DistributedApplicationTestingBuilder.Create();
        var migrator = builder.AddExecutable("migrator", "sh", "/", "-c", "exit 4");
        builder.AddExecutable("right", "sleep", "/", "1000").WaitForCompletion(migrator, exitCode: 4);
        builder.AddExecutable("wrong", "sleep", "/", "1000").WaitForCompletion(migrator);
        await using var app = await builder.BuildAsync();

        await app.StartAsync();
        await app.HealthyAsync("right");
        await app.StateAsync("wrong", KnownResourceStates.FailedToStart);

        app.Snapshot("migrator").State!.Text.ShouldBe(KnownResourceStates.Finished);
        app.Snapshot("migrator").ExitCode.ShouldBe(4);
    }

    [Fact]
    public async Task A_program_that_is_not_there_fails_to_start_and_says_so_to_those_who_wait()
    {
        await using var builder = DistributedApplicationTestingBuilder.Create();
        var missing = builder.AddExecutable("missing", "no-such-program", "/");
        builder.AddExecutable("waiter", "sleep", "/", "1000").WaitFor(missing);
        await using var app = await builder.BuildAsync();

        await app.StartAsync();
        var error = await Should.ThrowAsync<DistributedApplicationException>(() => app.HealthyAsync("missing"));
        await app.StateAsync("waiter", KnownResourceStates.FailedToStart);

        error.Message.ShouldContain("no-such-program");
    }

    [Fact]
    public async Task A_process_that_is_killed_before_it_was_ever_healthy_is_given_up_with_its_last_words()
    {
        await using var builder = DistributedApplicationTestingBuilder.Create();
        builder.Services.AddHealthChecks().AddCheck("never", () => HealthCheckResult.Unhealthy());
        builder.AddExecutable("doomed", "sh", "/", "-c", "echo last words; kill -9 $$").WithHealthCheck("never");
        await using var app = await builder.BuildAsync();

        await app.StartAsync();
        await app.StateAsync("doomed", KnownResourceStates.FailedToStart);

        app.Snapshot("doomed").ExitCode.ShouldBe(137);
        app.Snapshot("doomed").Failure().ShouldBeOfType<string>().ShouldContain("last words");
    }

    [Fact]
    public async Task A_fixed_port_that_somebody_else_uses_is_named()
    {
        using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        var port = ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
        var builder = DistributedApplication.CreateBuilder();
        builder.AddExecutable("server", "sleep", "/", "1000").WithHttpEndpoint(port: port);
        await using var app = builder.Build();

        await app.StartAsync();
        await app.StateAsync("server", KnownResourceStates.FailedToStart);

        app.Snapshot("server").Failure().ShouldBeOfType<string>().ShouldContain($"port {port} is in use");
    }

    [Fact]
    public async Task An_explicit_start_waits_for_the_command()
    {
        await using var builder = DistributedApplicationTestingBuilder.Create();
        builder.AddExecutable("tool", "sleep", "/", "1000").WithExplicitStart()
            .WithCommand("greet", "Greet", context => Task.FromResult(CommandResults.Success($"hello {context.ResourceName}")));
        await using var app = await builder.BuildAsync();

        await app.StartAsync();
        app.Snapshot("tool").State!.Text.ShouldBe(KnownResourceStates.NotStarted);
        (await app.ResourceCommands.ExecuteCommandAsync("tool", "greet")).Message.ShouldBe("hello tool");
        (await app.ResourceCommands.ExecuteCommandAsync("tool", "no-such")).Success.ShouldBeFalse();
        await app.ResourceCommands.ExecuteCommandAsync("tool", KnownResourceCommands.StartCommand);
        await app.HealthyAsync("tool");
        await app.ResourceCommands.ExecuteCommandAsync("tool", KnownResourceCommands.StopCommand);

        app.Snapshot("tool").State!.Text.ShouldBe(KnownResourceStates.Exited);
    }
}
