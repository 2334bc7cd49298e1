using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace OpsPlatform.System.Tests;

/// <summary>What goes into an image: the published files, from a folder of their own, with nothing but environment variables.</summary>
public sealed class PublishTests
{
    private static readonly TimeSpan StepTimeout = TimeSpan.FromMinutes(2);
#if DEBUG
    private const string Configuration = "Debug";
#else
    private const string Configuration = "Release";
#endif

    [Theory]
    [InlineData("services/Identity/Identity.csproj")]
    [InlineData("services/Registry/Registry.csproj")]
    [InlineData("services/Inventory/Inventory.csproj")]
    [InlineData("services/Orders/Orders.csproj")]
    [InlineData("services/Sync/Sync.csproj")]
    [InlineData("services/OperationTracking/OperationTracking.csproj")]
    [InlineData("services/Analytics/Analytics.csproj")]
    [InlineData("gateway/Gateway.csproj")]
    public async Task What_is_published_runs_from_its_own_folder_migrates_and_ends_cleanly(string project)
    {
        var folder = Directory.CreateTempSubdirectory("ops-publish-").FullName;
        try
        {
            await Publish(project, folder);
            var assembly = Path.GetFileNameWithoutExtension(project);
            var infrastructure = await Infrastructure.Get();
            var service = assembly == "Gateway" ? "gateway" : Repository.NameOf(assembly);
            var name = $"{service}_{Guid.NewGuid():N}";
            var address = new Uri($"http://127.0.0.1:{FreePort()}");
            var start = new ProcessStartInfo("dotnet", [Path.Combine(folder, $"{assembly}.dll")])
            {
                WorkingDirectory = Directory.CreateDirectory(Path.Combine(folder, "empty")).FullName,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            var path = start.Environment["PATH"];
            start.Environment.Clear();
            start.Environment["PATH"] = path;
            start.Environment["ASPNETCORE_URLS"] = address.ToString();
            start.Environment[$"ConnectionStrings__{service}db"] = infrastructure.Database(name);
            start.Environment["ConnectionStrings__messaging"] = (await infrastructure.VirtualHost(name)).ToString();

            using var process = Process.Start(start)!;
            try
            {
                var output = process.StandardOutput.ReadToEndAsync();
                _ = process.StandardError.ReadToEndAsync();
                using var http = new HttpClient { BaseAddress = address };
                await Eventually.Is(() => IsHealthy(http, process), healthy => healthy, StepTimeout);
                using (var kill = Process.Start("kill", ["-TERM", $"{process.Id}"]))
                {
                    await kill.WaitForExitAsync();
                }

                using var timeout = new CancellationTokenSource(StepTimeout);
                await process.WaitForExitAsync(timeout.Token);
                process.ExitCode.ShouldBe(0, await output);
            }
            finally
            {
                process.Kill();
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task Publish(string project, string folder)
    {
        using var publish = Process.Start(new ProcessStartInfo(
            "dotnet", ["publish", Path.Combine(Repository.Root, project), "-c", Configuration, "--no-build", "-o", folder, "--nologo", "-v", "quiet"])
        {
            RedirectStandardOutput = true,
        })!;
        using var timeout = new CancellationTokenSource(StepTimeout);
        var output = await publish.StandardOutput.ReadToEndAsync(timeout.Token);
        await publish.WaitForExitAsync(timeout.Token);
        publish.ExitCode.ShouldBe(0, output);
    }

    private static async Task<bool> IsHealthy(HttpClient http, Process process)
    {
        process.HasExited.ShouldBeFalse("it ended before it was healthy");
        try
        {
            return (await http.GetAsync("/health")).StatusCode == HttpStatusCode.OK;
        }
        catch (HttpRequestException)
        {
            // It does not listen yet.
            return false;
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
