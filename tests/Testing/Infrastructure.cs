using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using Aspire.Hosting;
using Aspire.Hosting.Testing;
using Npgsql;

namespace OpsPlatform.Testing;

/// <summary>One real PostgreSQL and one real RabbitMQ for the whole test process; each fixture gets its own database and virtual host.</summary>
public sealed class Infrastructure
{
    private static readonly Lazy<Task<Infrastructure>> Started = new(Start);
    private static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(2);

    private Infrastructure(string postgres, Uri messaging, Uri management)
    {
        Postgres = postgres;
        Messaging = messaging;
        Management = management;
    }

    /// <summary>Connection string of the administrator.</summary>
    public string Postgres { get; }

    public Uri Messaging { get; }

    public Uri Management { get; }

    public static Task<Infrastructure> Get() => Started.Value;

    public string Database(string name) => new NpgsqlConnectionStringBuilder(Postgres) { Database = name }.ConnectionString;

    /// <summary>Makes a virtual host of its own, so that two fixtures' queues never meet.</summary>
    public async Task<Uri> VirtualHost(string name)
    {
        using var http = Administrator(out var user);
        (await http.PutAsJsonAsync($"/api/vhosts/{name}", new { })).EnsureSuccessStatusCode();
        (await http.PutAsJsonAsync($"/api/permissions/{name}/{user}", new { configure = ".*", write = ".*", read = ".*" })).EnsureSuccessStatusCode();
        return new Uri(Messaging, $"/{name}");
    }

    /// <summary>Takes it away from whoever is connected to it.</summary>
    public async Task RemoveVirtualHost(Uri address)
    {
        using var http = Administrator(out _);
        (await http.DeleteAsync($"/api/vhosts{address.AbsolutePath}")).EnsureSuccessStatusCode();
    }

    private HttpClient Administrator(out string user)
    {
        var login = Messaging.UserInfo.Split(':').Select(Uri.UnescapeDataString).ToArray();
        user = login[0];
        return new()
        {
            BaseAddress = Management,
            DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{login[0]}:{login[1]}"))) },
        };
    }

    private static async Task<Infrastructure> Start()
    {
        using var timeout = new CancellationTokenSource(StartTimeout);
        var builder = DistributedApplication.CreateBuilder([]);
        builder.AddPostgres("postgres").WithArgs("-c", "max_connections=300");
        builder.AddRabbitMQ("messaging").WithManagementPlugin();
        var app = builder.Build();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => app.DisposeAsync().AsTask().Wait(TimeSpan.FromSeconds(20));
        await app.StartAsync(timeout.Token);
        await Task.WhenAll(
            app.ResourceNotifications.WaitForResourceHealthyAsync("postgres", timeout.Token),
            app.ResourceNotifications.WaitForResourceHealthyAsync("messaging", timeout.Token));
        return new(
            (await app.GetConnectionStringAsync("postgres", timeout.Token))!,
            new Uri((await app.GetConnectionStringAsync("messaging", timeout.Token))!),
            app.GetEndpoint("messaging", "management"));
    }
}
