using System.Text.Json.Nodes;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using OpsPlatform.Attack.Tests;
using OpsPlatform.Attack.Tests.Api;
using OpsPlatform.Attack.Tests.Fixtures;

[assembly: AssemblyFixture(typeof(AttackSystem))]

// The digests of one test must not see the writes of another.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace OpsPlatform.Attack.Tests;

/// <summary>The whole system, with the gateway's limits per second out of the way and every service's database at hand.</summary>
public sealed class AttackSystem : RunningSystem
{
    private const string NoLimit = "1000000";
    private readonly Dictionary<string, ServiceDatabase> _databases = [];
    private Sender? _sender;

    /// <summary>As they are called in paths and databases.</summary>
    public static IReadOnlyList<string> Services { get; } =
        [.. Directory.GetDirectories(Path.Combine(RepositoryRoot, "services")).Select(folder => Path.GetFileName(folder).ToLowerInvariant()).Order()];

    public ApiDescription Api { get; private set; } = null!;

    public static string ClientSecret(string client) => $"secret-of-{client}-in-the-attack-tests";

    public ServiceDatabase Database(string service) => _databases[service];

    public IReadOnlyDictionary<string, ServiceDatabase> Databases => _databases;

    public Task<Answer> Send(Call call, string? token, HttpContent? body = null) => _sender!.Send(call, token, body);

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _sender = new(Gateway);
        foreach (var service in Services)
        {
            _databases[service] = new((await App.GetConnectionStringAsync($"{service}db"))!);
        }

        Api = new(JsonNode.Parse((await Send(Call.Get("/openapi.json"), null)).Body)!.AsObject());
    }

    public override async ValueTask DisposeAsync()
    {
        _sender?.Dispose();
        foreach (var database in _databases.Values)
        {
            await database.DisposeAsync();
        }

        await base.DisposeAsync();
    }

    protected override void Configure(IDistributedApplicationTestingBuilder builder)
    {
        foreach (var client in Services.Append("gateway"))
        {
            builder.Configuration[$"Parameters:{client}-secret"] = ClientSecret(client);
        }

        var gateway = builder.CreateResourceBuilder(builder.Resources.OfType<ProjectResource>().Single(project => project.Name == "gateway"));
        foreach (var limit in (string[])["OrganisationPerSecond", "OrganisationBurst", "SignInPerSecond", "SignInBurst", "AnonymousPerSecond", "AnonymousBurst"])
        {
            gateway.WithEnvironment($"RateLimits__{limit}", NoLimit);
        }
    }
}
