using System.Net.Http.Headers;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.Testing;

/// <summary>A service in this process, on real Kestrel, with a database and a virtual host of its own.</summary>
/// <param name="service">Its name, as in AddServiceDefaults.</param>
/// <param name="start">Builds it from command-line settings.</param>
public abstract class ServiceFixture(string service, Func<string[], Action<IServiceCollection>, IRunningService> start) : IAsyncLifetime
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(60);

    private IRunningService? _running;
    private string[] _settings = [];

    /// <param name="entryPoint">Any class of the service's assembly.</param>
    protected ServiceFixture(string service, Type entryPoint)
        : this(service, (settings, configure) => (IRunningService)Activator.CreateInstance(typeof(Host<>).MakeGenericType(entryPoint), settings, configure)!)
    {
    }

    public Uri Address => Running.Address;

    public IServiceProvider Services => Running.Services;

    public TokenIssuer Tokens { get; private set; } = null!;

    public TestBroker Broker { get; private set; } = null!;

    /// <summary>amqp address of the fixture's own virtual host.</summary>
    public Uri Messaging { get; private set; } = null!;

    public ServiceDatabase Database => Services.GetRequiredService<ServiceDatabase>();

    /// <summary>The operator key the service was started with.</summary>
    public static string OperatorKey => "operator-of-the-tests";

    /// <summary>More configuration for the service, by key.</summary>
    protected virtual IEnumerable<(string Key, string Value)> Settings => [];

    /// <summary>Replaces parts from outside, such as the clock.</summary>
    protected virtual void Configure(IServiceCollection services)
    {
    }

    private IRunningService Running => _running ?? throw new InvalidOperationException("The service is not started.");

    public async ValueTask InitializeAsync()
    {
        var infrastructure = await Infrastructure.Get();
        var name = $"{service}_{Guid.NewGuid():N}";
        Messaging = await infrastructure.VirtualHost(name);
        Tokens = await TokenIssuer.Start();
        var settings = new Dictionary<string, string>
        {
            [$"ConnectionStrings:{service}db"] = infrastructure.Database(name),
            ["ConnectionStrings:messaging"] = Messaging.ToString(),
            ["services:identity:http:0"] = Tokens.Address.ToString(),
            ["SYNC_RETRY_BACKOFF_MS"] = "20",
            ["Operator:Key"] = OperatorKey,
            ["Client:Secret"] = TokenIssuer.SecretOf(service),
            ["SHUTDOWN_GRACE_MS"] = "0",
        };
        // Only these two check the services' secrets.
        if (service is "identity" or "registry")
        {
            foreach (var client in Repository.Clients)
            {
                settings[$"Clients:{client}"] = TokenIssuer.SecretOf(client);
            }
        }

        foreach (var (key, value) in Settings)
        {
            settings[key] = value;
        }

        _settings = [.. settings.Select(pair => $"--{pair.Key}={pair.Value}")];
        _running = start(_settings, Configure);
        using var timeout = new CancellationTokenSource(StartTimeout);
        await _running.Start();
        await Database.Ready.WaitAsync(timeout.Token);
        await Services.GetRequiredService<BrokerTopology>().Declared(timeout.Token);
        Broker = await TestBroker.Start(Messaging);
    }

    /// <summary>Starts another replica, on the same database and virtual host; the caller disposes it.</summary>
    /// <param name="configure">Replaces parts of this one alone, such as its clock.</param>
    public async Task<IRunningService> StartReplica(Action<IServiceCollection>? configure = null)
    {
        var replica = start(_settings, services =>
        {
            Configure(services);
            configure?.Invoke(services);
        });
        await replica.Start();
        await replica.Services.GetRequiredService<ServiceDatabase>().Ready.WaitAsync(StartTimeout);
        return replica;
    }

    /// <summary>A client with a token of that organisation.</summary>
    /// <param name="at">A replica's address instead of the first one's.</param>
    public HttpClient Client(Guid org, string role = "owner", Guid? user = null, Uri? at = null)
    {
        var client = new HttpClient { BaseAddress = at ?? Address };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Tokens.Token(org, role, user));
        return client;
    }

    /// <summary>A client that is one of the platform's services, for an organisation or for itself.</summary>
    public HttpClient ServiceClient(string service, Guid? org = null)
    {
        var client = Anonymous();
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Tokens.ServiceToken(service, org));
        return client;
    }

    /// <summary>A client that holds the operator key.</summary>
    public HttpClient Operator()
    {
        var client = Anonymous();
        client.DefaultRequestHeaders.Add("X-Operator-Key", OperatorKey);
        return client;
    }

    public HttpClient Anonymous() => new() { BaseAddress = Address };

    /// <summary>A raw session in one of the service's roles: app, relay or owner.</summary>
    public async Task<NpgsqlConnection> OpenAs(string role, Guid? org = null)
    {
        var source = Services.GetRequiredKeyedService<NpgsqlDataSource>(role);
        var connection = await source.OpenConnectionAsync();
        await using var tenant = new NpgsqlCommand("SELECT set_config('app.org_id', $1, false)", connection) { Parameters = { new() { Value = org?.ToString() ?? "" } } };
        await tenant.ExecuteNonQueryAsync();
        return connection;
    }

    public async ValueTask DisposeAsync()
    {
        if (Broker is not null)
        {
            await Broker.DisposeAsync();
        }

        if (_running is not null)
        {
            await _running.DisposeAsync();
        }

        if (Tokens is not null)
        {
            await Tokens.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    private sealed class Host<T>(string[] settings, Action<IServiceCollection> configure) : WebApplicationFactory<T>, IRunningService
        where T : class
    {
        public Uri Address => ClientOptions.BaseAddress;

        public Task Start()
        {
            UseKestrel();
            StartServer();
            return Task.CompletedTask;
        }

        protected override void ConfigureWebHost(IWebHostBuilder builder)
        {
            builder.UseContentRoot(AppContext.BaseDirectory);
            builder.UseEnvironment("Production");
            // Given to UseKestrel, a port would be set on a server that may have started by then.
            builder.UseUrls("http://127.0.0.1:0");
            foreach (var setting in settings)
            {
                var split = setting.IndexOf('=', StringComparison.Ordinal);
                builder.UseSetting(setting[2..split], setting[(split + 1)..]);
            }

            builder.ConfigureLogging(logging => logging.SetMinimumLevel(LogLevel.Warning));
            builder.ConfigureServices(configure);
        }
    }
}

/// <summary>A service that was started for tests.</summary>
public interface IRunningService : IAsyncDisposable
{
    Uri Address { get; }

    IServiceProvider Services { get; }

    Task Start();
}
