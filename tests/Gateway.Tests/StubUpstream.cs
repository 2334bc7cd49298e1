using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace OpsPlatform.Gateway.Tests;

/// <summary>A service behind the gateway, on real Kestrel. It answers what a test registered and throws at anything else.</summary>
internal sealed class StubUpstream : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly ConcurrentDictionary<string, RequestDelegate> calls = new();
    private readonly ConcurrentQueue<string> unexpected = new();

    private StubUpstream(WebApplication app) => this.app = app;

    public string Address => app.Urls.First();

    /// <param name="address">Where one stood before that was killed; a free port unless given.</param>
    public static async Task<StubUpstream> Start(string address = "http://127.0.0.1:0")
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(address);
        // Larger than the gateway's, so that only the gateway's limit can refuse.
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = null);
        var app = builder.Build();
        var stub = new StubUpstream(app);
        app.Run(stub.Answer);
        await app.StartAsync();

        return stub;
    }

    /// <param name="call">Method and path, such as "GET /orders/1".</param>
    public void On(string call, RequestDelegate answer) => calls[call] = answer;

    public void OnJson(string call, object answer) => On(call, context => context.Response.WriteAsJsonAsync(answer));

    /// <summary>Answers with what it saw.</summary>
    public void OnEcho(string call) => On(call, async context =>
    {
        // As every service does; the caller must not see it twice.
        context.Response.Headers["X-Correlation-Id"] = context.Request.Headers["X-Correlation-Id"];
        using var body = new StreamReader(context.Request.Body);
        await context.Response.WriteAsJsonAsync(new Echo(
            context.Request.QueryString.Value ?? "",
            context.Request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase),
            await body.ReadToEndAsync()));
    });

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        unexpected.ShouldBeEmpty();
    }

    private Task Answer(HttpContext context)
    {
        var call = $"{context.Request.Method} {context.Request.Path}";

        if (calls.TryGetValue(call, out var answer))
        {
            return answer(context);
        }

        unexpected.Enqueue(call);
        throw new InvalidOperationException($"Nobody registered {call}.");
    }
}

/// <summary>What a service saw of a request.</summary>
public sealed record Echo(string Query, Dictionary<string, string> Headers, string Body);
