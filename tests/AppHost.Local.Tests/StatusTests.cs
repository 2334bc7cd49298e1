using System.Diagnostics;
using Aspire.Hosting.Running;
using Microsoft.Extensions.Configuration;

namespace OpsPlatform.AppHost.Local.Tests;

/// <summary>What ./run status says: by a copy of the script, which has a state of its own.</summary>
public sealed class StatusTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("opsplatform-run-").FullName;
    private readonly HostState _state;
    private readonly SortedDictionary<string, string> _rows = new(StringComparer.Ordinal);

    public StatusTests()
    {
        File.Copy(Path.Combine(AppContext.BaseDirectory, "run"), Path.Combine(_root, "run"));
        var directory = HostState.DefaultDirectory(_root);
        _state = HostState.Open(new ConfigurationBuilder().AddInMemoryCollection([new("AppHost:StateDirectory", directory)]).Build(), _root, forTest: true);
    }

    public void Dispose()
    {
        _state.Dispose();
        Directory.Delete(_state.Directory, recursive: true);
        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public async Task What_is_not_healthy_is_named_with_the_last_warning_or_error_of_its_log()
    {
        Resource("identity", "Running", "Unhealthy", "fail: Some.Class[1]\n      The first.\nwarn: Some.Class[2]\n      The identity database is not prepared yet: no route.\ninfo: Some.Class[3]\n      Nothing.\n");
        Resource("orders", "Running", "Healthy", "warn: Some.Class[2]\n      Over and forgotten.\n");
        Resource("postgres", "Running", "Degraded", "2026-11-23 01:00:00 UTC [7] FATAL:  no space left\n2026-11-23 01:00:01 UTC [7] LOG:  shut down\n");
        Resource("messaging", "Running", "-", "Starting broker...\n");
        Resource("gateway-0", "Waiting", "-", null);

        var said = await Status();

        said.ShouldContain("""
            gateway-0 is not healthy; it has no log yet
              see ./run logs gateway-0
            identity is not healthy; its log complained last: The identity database is not prepared yet: no route.
              see ./run logs identity
            messaging is not healthy; its log tells of no warning or error in a form that is known here
              see ./run logs messaging
            postgres is not healthy; its log complained last: 2026-11-23 01:00:00 UTC [7] FATAL:  no space left
              see ./run logs postgres

            """);
        said.ShouldNotContain("Over and forgotten");
    }

    private void Resource(string name, string state, string health, string? log)
    {
        _rows[name] = $"{name}\t{state}\t{health}\t7\thttp://localhost\n";
        File.WriteAllText(_state.StatusFile, string.Concat(_rows.Values));
        if (log is not null)
        {
            File.WriteAllText(Path.Combine(_state.Logs, $"{name}.log"), log);
        }
    }

    private async Task<string> Status()
    {
        using var status = Process.Start(new ProcessStartInfo("bash", [Path.Combine(_root, "run"), "status"]) { RedirectStandardOutput = true })!;
        var said = await status.StandardOutput.ReadToEndAsync();
        await status.WaitForExitAsync();
        status.ExitCode.ShouldBe(0, said);
        return said;
    }
}
