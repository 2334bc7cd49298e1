using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using OpsPlatform.Testing;

namespace OpsPlatform.OperationTracking.Tests;

/// <summary>Azure's own client and poller, unmodified, follow an operation; Azure/poll.mjs drives them.</summary>
public sealed class AzureTests(OperationsFixture service) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private static readonly Lazy<Task> Installed = new(Install);
    private readonly Desk _desk = service.Desk();
    private Process? _poller;

    private static string Folder { get; } = Path.Combine(Repository.Root, "tests", "OperationTracking.Tests", "Azure");

    [Theory]
    [InlineData(null)]
    [InlineData("BASE")]
    public async Task It_polls_until_the_operation_has_succeeded_and_reads_what_came_of_it(string? setting)
    {
        var poller = await Poll(setting);
        var id = (await Next(poller, "id")).GetGuid();
        (await Next(poller, "status")).GetString().ShouldBe("running");
        var fence = await _desk.Begin(id);
        await _desk.Done($"/operations/{id}/reports", new { fence, done = 1, total = 2 });
        (await Next(poller, "status")).GetString().ShouldBe("running");
        await _desk.Done($"/operations/{id}/end", new { fence, outcome = "completed", result = new { href = "/counts/1" } });
        var result = await Next(poller, "result");
        result.Text("operationId").ShouldBe(id.ToString());
        result.Text("status").ShouldBe("completed");
        result.GetProperty("result").Text("href").ShouldBe("/counts/1");
    }

    [Fact]
    public async Task It_learns_that_the_operation_has_failed_and_why()
    {
        var poller = await Poll();
        var id = (await Next(poller, "id")).GetGuid();
        var fence = await _desk.Begin(id);
        await _desk.Done($"/operations/{id}/end", new { fence, outcome = "failed", error = "The shop is closed." });
        var error = await Next(poller, "error");
        error.Text("status").ShouldBe("failed");
        error.Text("message").ShouldContain("The shop is closed.");
    }

    [Fact]
    public async Task It_cancels_the_operation_and_learns_that_it_is()
    {
        var poller = await Poll("CANCEL");
        var id = (await Next(poller, "id")).GetGuid();
        var error = await Next(poller, "error");
        error.Text("status").ShouldBe("canceled");
        (await _desk.Get(id)).Text("cancelReason").ShouldBe("Enough.");
    }

    public void Dispose()
    {
        // One that was not told of the end would poll for ever.
        _poller?.Kill();
        _poller?.Dispose();
    }

    /// <param name="setting">Of poll.mjs, to be on.</param>
    private async Task<Process> Poll(string? setting = null)
    {
        await Installed.Value;
        using var client = _desk.Client();
        using var body = JsonContent.Create(Posting.Asked());
        var start = new ProcessStartInfo("node", ["poll.mjs"]) { WorkingDirectory = Folder, RedirectStandardOutput = true };
        start.Environment["SERVICE"] = service.Address.ToString().TrimEnd('/');
        start.Environment["TOKEN"] = client.DefaultRequestHeaders.Authorization!.Parameter;
        start.Environment["OPERATION"] = await body.ReadAsStringAsync();
        if (setting is not null)
        {
            start.Environment[setting] = "1";
        }

        return _poller = Process.Start(start)!;
    }

    /// <summary>The next line that tells this; others are passed over, but for how it came out.</summary>
    private static async Task<JsonElement> Next(Process poller, string what)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (await poller.StandardOutput.ReadLineAsync(patience.Token) is { } line)
        {
            var said = JsonElement.Parse(line);
            if (said.TryGetProperty(what, out var value))
            {
                return value;
            }

            (said.TryGetProperty("error", out _) || said.TryGetProperty("result", out _)).ShouldBeFalse(line);
        }

        throw new EndOfStreamException($"The poller ended without telling its {what}.");
    }

    private static async Task Install()
    {
        var asked = new FileInfo(Path.Combine(Folder, "package-lock.json"));
        var installed = new FileInfo(Path.Combine(Folder, "node_modules", ".package-lock.json"));
        if (installed.Exists && installed.LastWriteTimeUtc >= asked.LastWriteTimeUtc)
        {
            return;
        }

        using var patience = new CancellationTokenSource(Patience);
        using var npm = Process.Start(new ProcessStartInfo("npm", ["ci", "--no-audit", "--no-fund"]) { WorkingDirectory = Folder, RedirectStandardError = true })!;
        var errors = await npm.StandardError.ReadToEndAsync(patience.Token);
        await npm.WaitForExitAsync(patience.Token);
        npm.ExitCode.ShouldBe(0, $"npm ci in {Folder} needs the npm registry: {errors}");
    }
}
