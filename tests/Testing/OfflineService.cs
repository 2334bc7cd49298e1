using System.Net.Http.Headers;
using System.Reflection;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.Testing;

/// <summary>A service without database, broker and workers: enough to see its endpoints and whom they let in.</summary>
public sealed class OfflineService : IAsyncDisposable
{
    private readonly IStartable _host;

    private OfflineService(IStartable host, TokenIssuer tokens) => (_host, Tokens) = (host, tokens);

    public TokenIssuer Tokens { get; }

    /// <summary>Every endpoint with a method and a path, but health and the API document.</summary>
    public IReadOnlyList<Reach> Endpoints =>
        [.. _host.Services.GetServices<EndpointDataSource>().SelectMany(source => source.Endpoints).OfType<RouteEndpoint>().SelectMany(Reach.Of).Distinct()
            .OrderBy(reach => reach.Path, StringComparer.Ordinal).ThenBy(reach => reach.Method, StringComparer.Ordinal)];

    /// <param name="service">Its name, as in AddServiceDefaults.</param>
    /// <param name="assembly">The service's.</param>
    public static async Task<OfflineService> Start(string service, Assembly assembly)
    {
        var tokens = await TokenIssuer.Start();
        var settings = new Dictionary<string, string>
        {
            [$"ConnectionStrings:{service}db"] = "Host=127.0.0.1;Port=9;Username=nobody;Password=nothing;Database=none;Timeout=1",
            ["ConnectionStrings:messaging"] = "amqp://nobody:nothing@127.0.0.1:9/",
            ["services:identity:http:0"] = tokens.Address.ToString(),
        };
        var entryPoint = assembly.GetTypes().First(type => type is { IsClass: true, IsNested: false, Namespace: not null } && type.Namespace.StartsWith("OpsPlatform", StringComparison.Ordinal));
        var host = (IStartable)Activator.CreateInstance(typeof(Host<>).MakeGenericType(entryPoint), settings)!;
        host.Start();
        host.Services.GetService<ServiceDatabase>()?.MarkReady();
        return new(host, tokens);
    }

    public HttpClient Client(string token)
    {
        var client = _host.CreateClient();
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return client;
    }

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        await Tokens.DisposeAsync();
    }

    private interface IStartable : IAsyncDisposable
    {
        IServiceProvider Services { get; }

        void Start();

        HttpClient CreateClient();
    }

    private sealed class Host<T>(Dictionary<string, string> settings) : WebApplicationFactory<T>, IStartable
        where T : class
    {
        public void Start() => StartServer();

        protected override void ConfigureWebHost(IWebHostBuilder builder)
        {
            builder.UseContentRoot(AppContext.BaseDirectory);
            builder.UseEnvironment("Production");
            foreach (var (key, value) in settings)
            {
                builder.UseSetting(key, value);
            }

            builder.ConfigureLogging(logging => logging.ClearProviders());
            builder.ConfigureServices(services =>
            {
                // Of the workers only the one that listens for requests.
                foreach (var worker in services.Where(service => service.ServiceType == typeof(IHostedService)
                    && service.ImplementationType?.Name != "GenericWebHostService").ToList())
                {
                    services.Remove(worker);
                }

                // Identity checks tokens by keys of its own, which are in the database that is not there.
                foreach (var keys in services.Where(service => service.ServiceType == typeof(ISigningKeys)).ToList())
                {
                    services.Remove(keys);
                }

                services.AddSingleton<ISigningKeys, HttpSigningKeys>();
            });
        }
    }
}

/// <summary>One method of one path, and who may use it.</summary>
/// <param name="Role">Lowest role of a member, or service, operator or platform; anonymous when no token is asked for, else the name of a policy of the service.</param>
/// <param name="Scope">What an API key needs besides; null when none reaches it.</param>
public sealed record Reach(string Method, string Path, string Role, string? Scope)
{
    public static IEnumerable<Reach> Of(RouteEndpoint endpoint)
    {
        var path = "/" + endpoint.RoutePattern.RawText!.Trim('/');
        if (path is "/health" or "/alive" || path.EndsWith("/openapi.json", StringComparison.Ordinal))
        {
            return [];
        }

        var role = EndpointRole.Of(endpoint.Metadata);
        return (endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? [])
            .Select(method => new Reach(method, path, role, EndpointRole.ScopeOf(role, method, path)));
    }
}
