using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace OpsPlatform.Gateway.Tests;

/// <summary>Plays the registry: holds the gateway's question until the list is another one, and takes its registration.</summary>
internal sealed class StubRegistry : IAsyncDisposable
{
    public const string Secret = "secret-of-the-gateway";

    private readonly WebApplication app;
    private volatile Said said = new(200, """{"version":"0","services":{}}""", new(TaskCreationOptions.RunContinuationsAsynchronously));
    private int version;

    private StubRegistry(WebApplication app)
    {
        this.app = app;
        Answers.SetResult();
    }

    public string Address => app.Urls.First();

    /// <summary>Method and path of every registration and goodbye.</summary>
    public ConcurrentQueue<string> Announced { get; } = new();

    /// <summary>Set at the first registration.</summary>
    public TaskCompletionSource Asked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Registrations and goodbyes are taken once it is set, as it is unless a test wants them to wait.</summary>
    public TaskCompletionSource Answers { get; private set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>How many questions were answered.</summary>
    public int Answered;

    public static async Task<StubRegistry> Start(string address = "http://127.0.0.1:0")
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(address);
        var app = builder.Build();
        var stub = new StubRegistry(app);
        app.Use((context, next) => context.Request.Headers.Authorization == $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"gateway:{Secret}"))}"
            ? next(context)
            : throw new InvalidOperationException("The gateway did not say who it is."));
        app.MapGet("/registry/routes", stub.Answer);
        app.MapMethods("/registry/services/gateway/instances/{id:guid}", ["PUT", "DELETE"], async (HttpContext context) =>
        {
            stub.Asked.TrySetResult();
            await stub.Answers.Task.WaitAsync(context.RequestAborted);
            stub.Announced.Enqueue($"{context.Request.Method} {context.Request.Path}");
            return Results.Json(new { state = "healthy", reason = "", heartbeatMs = 5000, leaseMs = 15000, saidByALaterVersion = true });
        });
        await app.StartAsync();

        return stub;
    }

    public void HoldRegistrations() => Answers = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Say(params (string Service, Guid Id, string Address)[] instances) => SayRaw(200, JsonSerializer.Serialize(new
    {
        version = $"{Interlocked.Increment(ref version)}",
        services = instances.GroupBy(x => x.Service).ToDictionary(x => x.Key, x => x.Select(y => new { id = y.Id, address = y.Address })),
        saidByALaterVersion = true,
    }));

    public void SayRaw(int status, string text)
    {
        var before = said;
        said = new(status, text, new(TaskCreationOptions.RunContinuationsAsynchronously));
        before.Over.SetResult();
    }

    public async ValueTask DisposeAsync()
    {
        // Kills, rather than waits for the question that is held.
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await app.StopAsync(now.Token);
        await app.DisposeAsync();
    }

    private async Task Answer(HttpContext context)
    {
        var now = said;

        if (context.Request.Query["after"] is [{ } after] && now.Text.Contains($"\"version\":\"{after}\"", StringComparison.Ordinal))
        {
            await now.Over.Task.WaitAsync(context.RequestAborted);
            now = said;
        }

        context.Response.StatusCode = now.Status;
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(now.Text);
        Interlocked.Increment(ref Answered);
    }

    private sealed record Said(int Status, string Text, TaskCompletionSource Over);
}
