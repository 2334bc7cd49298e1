using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace OpsPlatform.Registry.Tests;

/// <summary>An instance in the test's hands: it answers /health as told, and says of itself what a test wants.</summary>
internal sealed class StubInstance : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly RegistryFixture _registry;

    private static int _hosts;

    private StubInstance(WebApplication app, RegistryFixture registry, string service) => (_app, _registry, Service) = (app, registry, service);

    public Guid Id { get; init; } = Guid.CreateVersion7();

    public string Key { get; init; } = $"{Guid.NewGuid():N}";

    public string Service { get; }

    public string Address => _app.Urls.First();

    public RequestDelegate Health { get; set; } = context => Task.CompletedTask;

    public int Probes;

    private string Path => $"/registry/services/{Service}/instances/{Id}";

    public static async Task<StubInstance> Start(RegistryFixture registry, string? service = null, string? address = null)
    {
        // A loopback address of its own: a port that is given out again would be a live instance's of another test.
        var host = Interlocked.Increment(ref _hosts);
        address ??= $"http://127.1.{host / 250}.{(host % 250) + 1}:0";
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(address);
        var app = builder.Build();
        var stub = new StubInstance(app, registry, service ?? RegistryFixture.NewName());
        app.MapGet("/health", context =>
        {
            Interlocked.Increment(ref stub.Probes);
            return stub.Health(context);
        });
        app.MapGet("/elsewhere", () => "");
        await app.StartAsync();
        return stub;
    }

    public Dictionary<string, object?> Report(string status = "healthy") => new()
    {
        ["key"] = Key,
        ["address"] = Address,
        ["version"] = "1.2.3+abc",
        ["hostName"] = "box",
        ["processId"] = 42,
        ["uptimeSeconds"] = 90.5,
        ["status"] = status,
        ["checks"] = new[] { new { name = "database", status, description = status == "healthy" ? null : "The database is away" } },
    };

    public Task<HttpResponseMessage> Announce(string status = "healthy") => Announce(Report(status));

    public async Task<HttpResponseMessage> Announce(Dictionary<string, object?> report, string? caller = null, string? secret = null, RegistryFixture? replica = null)
    {
        using var client = (replica ?? _registry).AsService(caller ?? Service, secret);
        return await client.PutAsJsonAsync(Path, report);
    }

    public async Task<string> Announced(string status = "healthy", RegistryFixture? replica = null)
    {
        using var answer = await Announce(Report(status), replica: replica);
        answer.StatusCode.ShouldBe(HttpStatusCode.OK, await answer.Content.ReadAsStringAsync());
        return (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("state").GetString()!;
    }

    public async Task<HttpResponseMessage> Leave(string? key = null, string? caller = null)
    {
        using var client = _registry.AsService(caller ?? Service);
        using var request = new HttpRequestMessage(HttpMethod.Delete, Path) { Content = JsonContent.Create(new { key = key ?? Key }) };
        return await client.SendAsync(request);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}

internal static class Answers
{
    public static async Task ShouldBeProblem(this Task<HttpResponseMessage> asked, HttpStatusCode status, string slug)
    {
        using var response = await asked;
        var text = await response.Content.ReadAsStringAsync();
        response.StatusCode.ShouldBe(status, text);
        JsonDocument.Parse(text).RootElement.GetProperty("type").GetString().ShouldBe($"https://opsplatform.dev/problems/{slug}");
    }
}
