using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Yarp.ReverseProxy.Configuration;

namespace OpsPlatform.Bench.Frame;

/// <summary>A web server of one endpoint behind a proxy of the gateway's kind, both without anything else.</summary>
internal sealed class BareWeb : IAsyncDisposable
{
    private const int WarmUpCalls = 200;
    private readonly WebApplication _server;
    private readonly WebApplication _proxy;

    private BareWeb(WebApplication server, WebApplication proxy)
    {
        _server = server;
        _proxy = proxy;
    }

    /// <summary>The proxy's.</summary>
    public Uri Address => new(_proxy.Urls.First());

    public static async Task<BareWeb> Start(string path, Delegate answer, CancellationToken cancel)
    {
        var server = Web(_ => { });
        server.MapGet(path, answer);
        await server.StartAsync(cancel);
        var proxy = Web(services => services.AddReverseProxy().LoadFromMemory(
            [new RouteConfig { RouteId = "all", ClusterId = "server", Match = new RouteMatch { Path = "/{**rest}" } }],
            [new ClusterConfig
            {
                ClusterId = "server",
                Destinations = new Dictionary<string, DestinationConfig> { ["one"] = new() { Address = server.Urls.First() } },
            }]));
        proxy.MapReverseProxy();
        await proxy.StartAsync(cancel);
        return new(server, proxy);
    }

    /// <summary>A server that says hello, called one by one.</summary>
    public static async Task<Samples> Hello(TimeSpan duration, CancellationToken cancel)
    {
        await using var web = await Start("/hello", () => Results.Text("hello"), cancel);
        using var client = new HttpClient { BaseAddress = web.Address };
        for (var i = 0; i < WarmUpCalls; i++)
        {
            await client.GetByteArrayAsync("/hello", cancel);
        }

        var samples = new Samples();
        await Load.Closed(1, duration, async _ =>
        {
            var sent = Stopwatch.GetTimestamp();
            await client.GetByteArrayAsync("/hello", cancel);
            samples.Add(sent);
        }, cancel);
        return samples;
    }

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        await _server.DisposeAsync();
    }

    private static WebApplication Web(Action<IServiceCollection> add)
    {
        var builder = WebApplication.CreateSlimBuilder(["--urls", "http://127.0.0.1:0"]);
        builder.Logging.ClearProviders();
        add(builder.Services);
        return builder.Build();
    }
}
