using System.Diagnostics;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace OpsPlatform.AppHost.Local.Tests;

internal static class Hosts
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    public static Task<ResourceEvent> HealthyAsync(this DistributedApplication app, string resource) =>
        app.ResourceNotifications.WaitForResourceHealthyAsync(resource).WaitAsync(Patience);

    public static Task StateAsync(this DistributedApplication app, string resource, string state) =>
        app.ResourceNotifications.WaitForResourceAsync(resource, state).WaitAsync(Patience);

    public static async Task<int> HealthyPidAsync(this DistributedApplication app, string resource, int otherThan = 0)
    {
        var update = await app.ResourceNotifications.WaitForResourceAsync(
            resource,
            update => update.Snapshot.HealthStatus == HealthStatus.Healthy && Pid(update.Snapshot) is { } pid && pid != otherThan).WaitAsync(Patience);
        return Pid(update.Snapshot)!.Value;
    }

    public static CustomResourceSnapshot Snapshot(this DistributedApplication app, string resourceId) =>
        app.ResourceNotifications.TryGetCurrentState(resourceId, out var update) ? update.Snapshot : throw new ShouldAssertException($"no state of {resourceId}");

    public static object? Failure(this CustomResourceSnapshot snapshot) =>
        snapshot.Properties.FirstOrDefault(property => property.Name == KnownProperties.Failure)?.Value;

    public static int? Pid(CustomResourceSnapshot snapshot) =>
        snapshot.Properties.FirstOrDefault(property => property.Name == KnownProperties.Executable.Pid)?.Value as int?;

    /// <summary>The processes, zombies left out, whose environment holds the text.</summary>
    public static List<int> ProcessesWith(string text) => [.. Directory.EnumerateDirectories("/proc")
        .Select(path => int.TryParse(Path.GetFileName(path), out var pid) ? pid : 0)
        .Where(pid => pid > 0 && pid != Environment.ProcessId && Environ(pid).Contains(text, StringComparison.Ordinal))];

    public static string Environ(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/environ");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    public static async Task UntilAsync(Func<bool> condition, string what)
    {
        var started = Stopwatch.StartNew();
        while (!condition())
        {
            started.Elapsed.ShouldBeLessThan(Patience, what);
            await Task.Delay(TimeSpan.FromMilliseconds(50));
        }
    }

    public static async Task<string> RunAsync(string program, string[] arguments, Dictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment ?? [])
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        process.ExitCode.ShouldBe(0, await errors);
        return output.Trim();
    }

    /// <summary>Runs SQL through psql with an Aspire connection string.</summary>
    public static Task<string> SqlAsync(string connectionString, string sql)
    {
        var fields = connectionString.Split(';').Select(field => field.Split('=', 2)).ToDictionary(field => field[0], field => field[1]);
        return RunAsync(
            "psql",
            ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", fields["Host"], "-p", fields["Port"], "-U", fields["Username"], "-d", fields["Database"], "-c", sql],
            new() { ["PGPASSWORD"] = fields["Password"] });
    }
}

/// <summary>A state folder that outlives the hosts of one test.</summary>
internal sealed class StateFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("opsplatform-kept-").FullName;

    public string Argument => $"AppHost:StateDirectory={Path}";

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
