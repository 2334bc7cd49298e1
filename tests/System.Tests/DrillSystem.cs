using System.Diagnostics;
using Aspire.Hosting;
using Aspire.Hosting.Testing;

namespace OpsPlatform.System.Tests;

/// <summary>A system of its own whose state folder the scripts of ./run know, so that one service can be set back in time.</summary>
public sealed class DrillSystem : IAsyncLifetime
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan ScriptTimeout = TimeSpan.FromMinutes(3);
    private readonly string _state = Directory.CreateTempSubdirectory("ops-drill-").FullName;
    private DistributedApplication? _app;

    public Uri Gateway => _app!.GetEndpoint("gateway", "http");

    public string Backups => Path.Combine(_state, "backups");

    public async ValueTask InitializeAsync()
    {
        using var timeout = new CancellationTokenSource(StartTimeout);
        var builder = await DistributedApplicationTestingBuilder.CreateAsync<AppHostMarker>(
            ["UseVolumes=false", $"AppHost:StateDirectory={_state}", "AppHost:ConsoleLogs=false"], timeout.Token);
        _app = await builder.BuildAsync(timeout.Token);
        await _app.StartAsync(timeout.Token);
        await _app.ResourceNotifications.WaitForResourceHealthyAsync("gateway", timeout.Token);
    }

    /// <summary>Connection string of the administrator.</summary>
    public async Task<string> Database(string service) => (await _app!.GetConnectionStringAsync($"{service}db"))!;

    /// <summary>What ./run backup, ./run restore or ./run errors would do here.</summary>
    public Task<Script> Run(string script, params string[] arguments) => Run(_state, script, [("OPS_GATEWAY", Gateway.ToString())], arguments);

    public Task<Script> Run(string script, (string Name, string Value) variable, params string[] arguments) => Run(_state, script, [variable], arguments);

    public static Task<Script> RunWhileNothingIsUp(string script, params string[] arguments) => Run("/nonexistent", script, [], arguments);

    /// <summary>A backup of these services in a folder of its own.</summary>
    public async Task<string> Backup(params string[] services)
    {
        var folder = Path.Combine(Backups, Guid.NewGuid().ToString("N"));
        (await Run("backup", [.. services, "--to", folder])).Succeeds();
        return folder;
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
        {
            await _app.StopAsync();
            await _app.DisposeAsync();
        }

        Directory.Delete(_state, recursive: true);
    }

    private static async Task<Script> Run(string state, string script, (string Name, string Value)[] variables, string[] arguments)
    {
        var start = new ProcessStartInfo("node", [Path.Combine(Repository.Root, "scripts", $"{script}.mjs"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["OPS_STATE"] = state;
        start.Environment["OPS_SECRETS"] = Path.Combine(state, "secrets.json");
        foreach (var (name, value) in variables)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        using var timeout = new CancellationTokenSource(ScriptTimeout);
        var output = process.StandardOutput.ReadToEndAsync(timeout.Token);
        var errors = process.StandardError.ReadToEndAsync(timeout.Token);
        await process.WaitForExitAsync(timeout.Token);
        return new(process.ExitCode, await output, await errors);
    }
}

public sealed record Script(int ExitCode, string Output, string Errors)
{
    public Script Succeeds()
    {
        ExitCode.ShouldBe(0, Output + Errors);
        return this;
    }

    public void IsRefused(string because)
    {
        ExitCode.ShouldBe(1, Output + Errors);
        Errors.ShouldStartWith("error: ");
        Errors.ShouldContain(because);
    }
}
