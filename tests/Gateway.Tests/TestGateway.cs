using System.Net.Http.Headers;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpsPlatform.Gateway.Documents;
using OpsPlatform.Testing;

namespace OpsPlatform.Gateway.Tests;

/// <summary>The gateway on real Kestrel before one stub that plays all services.</summary>
internal sealed class TestGateway : IAsyncDisposable
{
    private const string KeySetPath = "/identity/.well-known/jwks.json";

    private readonly Host host;
    private readonly List<HttpClient> clients = [];

    private TestGateway(Host host, StubUpstream upstream, TokenIssuer tokens) => (this.host, Upstream, Tokens) = (host, upstream, tokens);

    public StubUpstream Upstream { get; }

    public TokenIssuer Tokens { get; }

    public IServiceProvider Services => host.Services;

    public ShiftedTime Time => host.Time;

    public static async Task<TestGateway> Start(params (string Key, string Value)[] settings)
    {
        var upstream = await StubUpstream.Start();
        var tokens = await TokenIssuer.Start();
        using var keys = new HttpClient { BaseAddress = tokens.Address };
        var keySet = await keys.GetStringAsync(KeySetPath);
        upstream.On($"GET {KeySetPath}", context => context.Response.WriteAsync(keySet));
        var all = new Dictionary<string, string>
        {
            ["services:identity:http:0"] = upstream.Address,
            ["services:inventory:http:0"] = upstream.Address,
            ["services:orders:http:0"] = upstream.Address,
            ["services:sync:http:0"] = upstream.Address,
            ["SHUTDOWN_GRACE_MS"] = "0",
        };

        foreach (var (key, value) in settings)
        {
            all[key] = value;
        }

        var host = new Host(all);
        host.UseKestrel();
        host.StartServer();

        return new TestGateway(host, upstream, tokens);
    }

    public HttpClient Anonymous()
    {
        var client = new HttpClient { BaseAddress = host.ClientOptions.BaseAddress };
        clients.Add(client);

        return client;
    }

    public HttpClient Client(Guid? organisation = null)
    {
        var client = Anonymous();
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Tokens.Token(organisation ?? Guid.NewGuid()));

        return client;
    }

    public async Task Stop() => await host.DisposeAsync();

    public async ValueTask DisposeAsync()
    {
        clients.ForEach(client => client.Dispose());
        await host.DisposeAsync();
        await Tokens.DisposeAsync();
        await Upstream.DisposeAsync();
    }

    private sealed class Host(Dictionary<string, string> settings) : WebApplicationFactory<ApiDocument>
    {
        public ShiftedTime Time { get; } = new();

        protected override void ConfigureWebHost(IWebHostBuilder builder)
        {
            builder.UseContentRoot(AppContext.BaseDirectory);
            builder.UseEnvironment("Production");
            // Given to UseKestrel, a port would be set on a server that may have started by then.
            builder.UseUrls("http://127.0.0.1:0");

            foreach (var (key, value) in settings)
            {
                builder.UseSetting(key, value);
            }

            builder.ConfigureServices(services => services.AddSingleton<TimeProvider>(Time));
            builder.ConfigureLogging(logging => logging.SetMinimumLevel(LogLevel.Error));
        }
    }
}
