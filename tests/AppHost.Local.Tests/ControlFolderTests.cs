using Aspire.Hosting;

namespace OpsPlatform.AppHost.Local.Tests;

public sealed class ControlFolderTests
{
    [Fact]
    public async Task An_order_that_cannot_be_answered_keeps_no_other_from_being_carried_out()
    {
        using var state = new StateFolder();
        var builder = DistributedApplication.CreateBuilder([state.Argument]);
        builder.AddExecutable("worker", "sleep", "/", "1000");
        await using var app = builder.Build();
        await app.StartAsync();
        await app.HealthyAsync("worker");
        // The answer has nowhere to go.
        Directory.CreateDirectory(Order("nobody.failed"));
        await File.WriteAllTextAsync(Order("nobody.stop"), "");
        await Hosts.UntilAsync(() => new FileInfo(Order("nobody.stop")).Length > 0, "the order for nobody is looked at");

        await File.WriteAllTextAsync(Order("worker.stop"), "");

        await Hosts.UntilAsync(() => !File.Exists(Order("worker.stop")), "the worker is stopped");

        string Order(string name) => Path.Combine(state.Path, "control", name);
    }
}
