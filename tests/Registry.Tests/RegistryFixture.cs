using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using OpsPlatform.Testing;

[assembly: AssemblyFixture(typeof(OpsPlatform.Registry.Tests.RegistryFixture))]

namespace OpsPlatform.Registry.Tests;

/// <summary>One running registry for all tests; they keep apart by service names, each with a secret.</summary>
public class RegistryFixture() : ServiceFixture("registry", typeof(RegistryDb))
{
    public const int HeartbeatMs = 500;
    public const int LeaseMs = 5000;

    public static readonly TimeSpan Lease = TimeSpan.FromMilliseconds(LeaseMs);

    /// <summary>The services known here; a test takes one for itself.</summary>
    private static readonly string[] Names = ["gateway", "registry", .. Enumerable.Range(0, 60).Select(number => $"service-{number}")];

    private static int _taken;

    /// <summary>Its database; another one started with the same goes on where it ended.</summary>
    public string DatabaseName { get; init; } = $"registry_{Guid.NewGuid():N}";

    /// <summary>The broker's address of another that runs on the same database: either sends what is in the outbox, so both send it there.</summary>
    public Uri? SharedMessaging { get; init; }

    /// <summary>Long, so that a change which is heard in time was signalled and not found.</summary>
    private const int RoutePollMs = 20_000;

    public int HistoryDays { get; init; } = 90;

    protected override IEnumerable<(string Key, string Value)> Settings =>
    [
        // Started by the base class before it asks.
        ("ConnectionStrings:registrydb", Infrastructure.Get().GetAwaiter().GetResult().Database(DatabaseName)),
        ("Registry:HeartbeatMs", $"{HeartbeatMs}"),
        ("Registry:LeaseMs", $"{LeaseMs}"),
        ("Registry:ProbeIntervalMs", "500"),
        ("Registry:RoutePollMs", $"{RoutePollMs}"),
        ("Registry:HistoryDays", $"{HistoryDays}"),
        ("ConnectionStrings:messaging", (SharedMessaging ?? Messaging).ToString()),
        .. Names.Select(name => ($"Clients:{name}", SecretOf(name))),
    ];

    public static string NewName() => $"service-{Interlocked.Increment(ref _taken) - 1}";

    public static string SecretOf(string service) => $"secret-of-{service}";

    /// <summary>A client with that service's secret, or a wrong one.</summary>
    public HttpClient AsService(string service, string? secret = null)
    {
        var client = Anonymous();
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{service}:{secret ?? SecretOf(service)}")));
        return client;
    }

    public async Task<JsonElement[]> Instances(string service)
    {
        using var platform = Operator();
        return [.. (await platform.GetFromJsonAsync<JsonElement>($"/registry/services/{service}/instances")).GetProperty("items").EnumerateArray()];
    }

    public async Task<string> StateOf(string service, Guid id) =>
        (await Instances(service)).SingleOrDefault(x => x.GetProperty("id").GetGuid() == id) is { ValueKind: JsonValueKind.Object } found ? found.GetProperty("state").GetString()! : "none";

    /// <summary>The states an instance went through, the first one first.</summary>
    public async Task<string[]> PathOf(Guid id)
    {
        using var platform = Operator();
        var history = await platform.GetFromJsonAsync<JsonElement>($"/registry/history?instanceId={id}");
        return [.. history.GetProperty("items").EnumerateArray().Reverse().Select(x => x.GetProperty("to").GetString()!)];
    }

    /// <summary>The addresses that requests to the service may take.</summary>
    public async Task<string[]> Routes(string service)
    {
        using var gateway = AsService("gateway");
        return RoutesIn(await gateway.GetFromJsonAsync<JsonElement>("/registry/routes"), service);
    }

    public static string[] RoutesIn(JsonElement answer, string service) => answer.GetProperty("services").TryGetProperty(service, out var routes)
        ? [.. routes.EnumerateArray().Select(x => x.GetProperty("address").GetString()!)]
        : [];
}
