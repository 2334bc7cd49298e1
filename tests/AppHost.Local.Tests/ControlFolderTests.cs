using Aspire.Hosting;

namespace OpsPlatform.AppHost.Local.Tests;

public sealed class ControlFolderTests : IDisposable
{
    private readonly StateFolder _state = new();

    public void Dispose() => _state.Dispose();

    [Fact]
    public async Task An_order_that_cannot_be_answered_keeps_no_other_from_being_carried_out()
    {
        await using var app = await Started();
        // The answer has nowhere to go.
        Directory.CreateDirectory(Order("nobody.failed"));
        await File.WriteAllTextAsync(Order("nobody.stop"), "");
        await Hosts.UntilAsync(() => new FileInfo(Order("nobody.stop")).Length > 0, "the order for nobody is looked at");

        await File.WriteAllTextAsync(Order("worker.stop"), "");

        await Hosts.UntilAsync(() => !File.Exists(Order("worker.stop")), "the worker is stopped");
    }

    [Fact]
    public async Task An_order_is_carried_out_at_once_although_nobody_looks_for_it()
    {
        await using var app = await Started("AppHost:LookForOrdersEvery=01:00:00");
        var pid = await app.HealthyPidAsync("worker");
        await File.WriteAllTextAsync(Order("worker.later"), "");

        await File.WriteAllTextAsync(Order("worker.stop"), "");
        await Hosts.UntilAsync(() => !File.Exists(Order("worker.stop")), "the worker is stopped");

        File.Move(Order("worker.later"), Order("worker.start"));
        await app.HealthyPidAsync("worker", otherThan: pid);
    }

    /// <summary>With a worker that is healthy.</summary>
    private async Task<DistributedApplication> Started(params string[] settings)
    {
        var builder = DistributedApplication.CreateBuilder([_state.Argument, .. settings]);
        builder.AddExecutable("worker", "sleep", "/", "1000");
        var app = builder.Build();
        await app.StartAsync();
        await app.HealthyAsync("worker");
        return app;
    }

    private string Order(string name) => Path.Combine(_state.Path, "control", name);
}
