using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using OpsPlatform.ServiceDefaults;
using OpsPlatform.Testing;

namespace OpsPlatform.Registry.Tests;

/// <summary>A service on the frame, without a database, as it registers by itself.</summary>
public sealed class RegistrationTests(RegistryFixture registry)
{
    [Fact]
    public async Task A_service_registers_the_address_it_listens_on_and_says_goodbye_before_its_last_requests_are_finished()
    {
        var name = RegistryFixture.NewName();
        var (started, mayFinish) = (new TaskCompletionSource(), new TaskCompletionSource());
        var service = Build(name, registry.Address);
        service.MapGet("/slow", async () =>
        {
            started.SetResult();
            await mayFinish.Task;
            return "done";
        });
        await service.StartAsync();
        var listed = await Eventually.Is(() => registry.Instances(name), found => found is [var one] && one.GetProperty("state").GetString() == "healthy");
        listed[0].GetProperty("address").GetString().ShouldBe(service.Urls.First());
        listed[0].GetProperty("hostName").GetString().ShouldBe(Dns.GetHostName());
        listed[0].GetProperty("processId").GetInt32().ShouldBe(Environment.ProcessId);
        listed[0].GetProperty("version").GetString().ShouldNotBe("unknown");
        listed[0].GetProperty("checks")[0].GetProperty("name").GetString().ShouldBe("draining");

        using var http = new HttpClient { BaseAddress = new Uri(service.Urls.First()) };
        var slow = http.GetStringAsync("/slow");
        await started.Task;
        var stopping = service.StopAsync();
        await Eventually.Is(async () => await registry.StateOf(name, listed[0].GetProperty("id").GetGuid()) == "stopped");
        mayFinish.SetResult();
        (await slow).ShouldBe("done");
        await stopping;
        await service.DisposeAsync();
    }

    [Fact]
    public async Task What_its_checks_say_is_its_state_and_a_start_that_is_not_over_is_starting()
    {
        var name = RegistryFixture.NewName();
        var health = HealthCheckResult.Unhealthy("not ready yet");
        await using var service = Build(name, registry.Address, builder => builder.Services.AddHealthChecks().AddCheck("database", () => health));
        await service.StartAsync();
        await StateIs("starting");
        health = HealthCheckResult.Degraded("The database is away");
        await StateIs("degraded");
        health = HealthCheckResult.Healthy();
        await StateIs("healthy");
        health = HealthCheckResult.Unhealthy("broken");
        await StateIs("unhealthy");

        async Task StateIs(string state) => await Eventually.Is(() => registry.Instances(name), found => found is [var one] && one.GetProperty("state").GetString() == state);
    }

    [Fact]
    public async Task A_registry_that_is_away_is_asked_again_quietly_until_it_is_there()
    {
        var name = RegistryFixture.NewName();
        var lines = new Lines();
        var tries = 0;
        var isThere = false;
        await using var door = await Door(async (context, pass) =>
        {
            Interlocked.Increment(ref tries);
            if (!isThere)
            {
                context.Abort();
                return;
            }

            await pass();
        });
        await using var service = Build(name, new Uri(door.Urls.First()), builder => builder.Logging.AddProvider(lines));
        await service.StartAsync();
        await Eventually.Is(() => Task.FromResult(tries >= 3));
        lines.Said.Count.ShouldBe(1, string.Join("\n", lines.Said));
        lines.Said.First().ShouldContain("The registry is away");

        isThere = true;
        await Eventually.Is(async () => await registry.Instances(name) is [_]);
        await Eventually.Is(() => Task.FromResult(lines.Said.Count == 2));
        lines.Said.Last().ShouldContain("Registered as");

        // It is forgotten there, and comes back by itself.
        await using (var connection = await registry.OpenAs("owner"))
        {
            await using var forget = new Npgsql.NpgsqlCommand("DELETE FROM instances WHERE service = $1", connection) { Parameters = { new() { Value = name } } };
            await forget.ExecuteNonQueryAsync();
        }

        await Eventually.Is(async () => await registry.Instances(name) is [_]);
        lines.Said.Count.ShouldBe(2, string.Join("\n", lines.Said));
    }

    [Fact]
    public async Task A_stop_does_not_wait_for_a_registry_that_hangs()
    {
        var name = RegistryFixture.NewName();
        await using var door = await Door((context, pass) => context.Request.Method == "DELETE" ? Task.Delay(Timeout.Infinite, context.RequestAborted) : pass());
        await using var service = Build(name, new Uri(door.Urls.First()));
        await service.StartAsync();
        await Eventually.Is(async () => await registry.Instances(name) is [_]);
        await service.StopAsync().WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task ADVERTISED_URL_goes_before_the_bound_address()
    {
        var name = RegistryFixture.NewName();
        await using var elsewhere = await StubInstance.Start(registry, name);
        await using var service = Build(name, registry.Address, settings: $"--ADVERTISED_URL={elsewhere.Address}/");
        await service.StartAsync();
        await Eventually.Is(() => registry.Instances(name), found => found is [var one] && one.GetProperty("address").GetString() == elsewhere.Address);
        elsewhere.Probes.ShouldBeGreaterThan(0);
    }

    [Theory]
    [InlineData("http://+:8080")]
    [InlineData("http://0.0.0.0:8080")]
    [InlineData("orders:8080")]
    [InlineData("http://orders:8080/path")]
    public void A_wrong_ADVERTISED_URL_is_a_failed_start_with_a_sentence(string url) =>
        Should.Throw<InvalidOperationException>(() => Build("orders", registry.Address, settings: $"--ADVERTISED_URL={url}")).Message.ShouldContain("Set ADVERTISED_URL");

    [Theory]
    [InlineData("http://*:0")]
    [InlineData("http://0.0.0.0:0")]
    [InlineData("http://[::]:0")]
    public async Task A_wildcard_becomes_the_host_name(string binding)
    {
        var name = RegistryFixture.NewName();
        var seen = new TaskCompletionSource<string>();
        await using var door = await Door(async (context, _) =>
        {
            seen.TrySetResult((await context.Request.ReadFromJsonAsync<ServiceDefaults.Registry.AnnounceRequest>(ServiceDefaults.Http.Json.Options))!.Address);
        });
        await using var service = Build(name, new Uri(door.Urls.First()), settings: $"--urls={binding}");
        await service.StartAsync();
        (await seen.Task.WaitAsync(TimeSpan.FromSeconds(10))).ShouldBe($"http://{Dns.GetHostName()}:{new Uri(service.Urls.First().Replace("[::]", "x").Replace("0.0.0.0", "x")).Port}");
    }

    [Theory]
    [InlineData("--Client:Secret=")]
    [InlineData("--services:registry:http:0=")]
    public async Task Without_a_registry_or_a_secret_a_service_does_not_register(string setting)
    {
        var lines = new Lines();
        await using var service = Build(RegistryFixture.NewName(), registry.Address, builder => builder.Logging.AddProvider(lines), setting);
        await service.StartAsync();
        using var http = new HttpClient { BaseAddress = new Uri(service.Urls.First()) };
        (await http.GetAsync("/health")).StatusCode.ShouldBe(HttpStatusCode.OK);
        await service.StopAsync();
        lines.Said.ShouldBeEmpty();
    }

    [Fact]
    public async Task The_registry_registers_with_itself()
    {
        await using var itself = new SelfRegistering();
        await itself.InitializeAsync();
        await Eventually.Is(() => itself.Instances("registry"), found => found is [var one] && one.GetProperty("state").GetString() is "healthy" or "degraded");
    }

    private static WebApplication Build(string name, Uri registry, Action<WebApplicationBuilder>? change = null, string? settings = null)
    {
        string[] given = [
            "--urls=http://127.0.0.1:0", $"--services:registry:http:0={registry}", $"--Client:Secret={RegistryFixture.SecretOf(name)}", "--SHUTDOWN_GRACE_MS=0",
            .. settings is null ? (string[])[] : [settings]];
        var builder = WebApplication.CreateBuilder(given);
        builder.Logging.ClearProviders();
        builder.AddServiceDefaults(name);
        change?.Invoke(builder);
        var app = builder.Build();
        app.UseServiceDefaults();
        return app;
    }

    /// <summary>Stands before the registry, and may be closed.</summary>
    private async Task<WebApplication> Door(Func<HttpContext, Func<Task>, Task> treat)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var door = builder.Build();
        door.Run(context => treat(context, async () =>
        {
            using var http = registry.Anonymous();
            using var request = new HttpRequestMessage(new HttpMethod(context.Request.Method), $"{context.Request.Path}")
            {
                Content = new StreamContent(context.Request.Body) { Headers = { ContentType = new("application/json") } },
            };
            request.Headers.TryAddWithoutValidation("Authorization", context.Request.Headers.Authorization.ToString());
            using var answer = await http.SendAsync(request);
            context.Response.StatusCode = (int)answer.StatusCode;
            await answer.Content.CopyToAsync(context.Response.Body);
        }));
        await door.StartAsync();
        return door;
    }

    private sealed class SelfRegistering : RegistryFixture
    {
        protected override IEnumerable<(string Key, string Value)> Settings => [.. base.Settings, ("Client:Secret", SecretOf("registry"))];
    }

    /// <summary>What the registration logs.</summary>
    private sealed class Lines : ILoggerProvider
    {
        public ConcurrentQueue<string> Said { get; } = new();

        public ILogger CreateLogger(string categoryName) => new Logger(categoryName.EndsWith(".Registration", StringComparison.Ordinal) ? Said : null);

        public void Dispose()
        {
        }

        private sealed class Logger(ConcurrentQueue<string>? said) : ILogger
        {
            public IDisposable? BeginScope<TState>(TState state)
                where TState : notnull => null;

            public bool IsEnabled(LogLevel logLevel) => true;

            public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
                said?.Enqueue(formatter(state, exception));
        }
    }
}
