using System.Diagnostics;
using Aspire.Hosting;
using Aspire.Hosting.Running;
using Aspire.Hosting.Testing;

namespace OpsPlatform.AppHost.Local.Tests;

public sealed class LifetimeTests
{
    [Fact]
    public async Task Nothing_is_left_running_after_the_stop_not_even_what_left_its_group_or_ignores_the_signal()
    {
        var mark = $"mark-{Guid.NewGuid()}";
        await using var builder = DistributedApplicationTestingBuilder.Create();
        builder.AddExecutable("family", "sh", "/", "-c", "setsid sleep 1000 & sleep 1000").WithEnvironment("MARK", mark);
        builder.AddExecutable("stubborn", "sh", "/", "-c", "trap '' TERM; while true; do sleep 1; done").WithEnvironment("MARK", mark);
        var postgres = builder.AddPostgres("postgres");
        await using (var app = await builder.BuildAsync())
        {
            await app.StartAsync();
            await app.HealthyAsync("postgres");
            await Hosts.UntilAsync(() => Hosts.ProcessesWith(mark).Count >= 5, "the processes start");
            (await app.HealthyPidAsync("postgres")).ShouldBeGreaterThan(0);
        }

        Hosts.ProcessesWith(mark).ShouldBeEmpty();
        PortAllocator.IsFree(postgres.Resource.PrimaryEndpoint.Port).ShouldBeTrue();
    }

    [Fact]
    public async Task A_state_is_held_by_one_host_at_a_time()
    {
        using var state = new StateFolder();
        await using var first = DistributedApplication.CreateBuilder([state.Argument]).Build();
        await first.StartAsync();
        using var second = DistributedApplication.CreateBuilder([state.Argument]).Build();

        var error = await Should.ThrowAsync<DistributedApplicationException>(() => second.StartAsync());

        error.Message.ShouldContain(state.Path);
    }

    [Fact]
    public async Task Killing_the_host_leaves_no_process_and_the_next_start_works()
    {
        using var state = new StateFolder();
        using (var killed = StartHost(state))
        {
            await Hosts.UntilAsync(() => IsHealthy(state, "postgres") && IsRunning(state, "messaging"), "the servers start");
            killed.Kill();
            await killed.WaitForExitAsync();
        }

        await Hosts.UntilAsync(() => Hosts.ProcessesWith(state.Path).Count == 0, "the children follow the host");

        File.Delete(Path.Combine(state.Path, "status.tsv"));
        using var next = StartHost(state);
        await Hosts.UntilAsync(() => IsHealthy(state, "postgres") && IsHealthy(state, "messaging"), "the servers start again");
        Posix.Send(next.Id, Signal.Terminate);
        await next.WaitForExitAsync().WaitAsync(Hosts.Patience);

        next.ExitCode.ShouldBe(0);
        Hosts.ProcessesWith(state.Path).ShouldBeEmpty();
    }

    [Fact]
    public async Task What_a_killed_host_could_not_end_the_next_one_ends_and_nothing_else()
    {
        using var state = new StateFolder();
        using var orphan = Sleep($"{state.Path}:ghost;");
        using var stranger = Sleep($"{state.Path}-of-another:ghost;");

        await using (var app = DistributedApplication.CreateBuilder([state.Argument]).Build())
        {
            await app.StartAsync();
        }

        orphan.HasExited.ShouldBeTrue();
        stranger.HasExited.ShouldBeFalse();
        stranger.Kill();

        static Process Sleep(string marker)
        {
            var start = new ProcessStartInfo("sleep", ["1000"]);
            start.Environment[Leftovers.Variable] = marker;
            return Process.Start(start)!;
        }
    }

    private static Process StartHost(StateFolder state)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(AppHostMarker).Assembly.Location, state.Argument, "AppHost:ConsoleLogs=false", "AppHost:RandomPorts=true"]);
        return Process.Start(start)!;
    }

    private static bool IsHealthy(StateFolder state, string resource) => Row(state, resource).Contains("\tHealthy\t", StringComparison.Ordinal);

    private static bool IsRunning(StateFolder state, string resource) => Row(state, resource).Contains("\tRunning\t", StringComparison.Ordinal);

    private static string Row(StateFolder state, string resource)
    {
        var file = Path.Combine(state.Path, "status.tsv");
        return File.Exists(file) ? File.ReadLines(file).FirstOrDefault(line => line.StartsWith($"{resource}\t", StringComparison.Ordinal)) ?? "" : "";
    }
}
