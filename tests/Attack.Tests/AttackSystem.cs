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
    private readonly string _state = Directory.CreateTempSubdirectory("opsplatform-attack-").FullName;
    private Sender? _sender;

    public ApiDescription Api { get; private set; } = null!;

    public static string ClientSecret(string client) => $"secret-of-{client}-in-the-attack-tests";

    /// <summary>Of the service itself, past the gateway.</summary>
    public Uri Address(string service) => App.GetEndpoint(service, "http");

    public ServiceDatabase Database(string service) => _databases[service];

    public IReadOnlyDictionary<string, ServiceDatabase> Databases => _databases;

    public Task<Answer> Send(Call call, string? token, HttpContent? body = null) => _sender!.Send(call, token, body);

    protected override IEnumerable<string> Settings =>
        [$"AppHost:StateDirectory={_state}", "AppHost:ConsoleLogs=false", .. Repository.Clients.Select(client => $"Parameters:{client}-secret={ClientSecret(client)}")];

    /// <summary>The faults the services have logged so far, each once.</summary>
    public IReadOnlyList<string> LoggedFaults()
    {
        const int maxLines = 8;
        SortedDictionary<string, int> faults = [];
        foreach (var service in Repository.Clients)
        {
            // Read beside the host, which goes on writing; a replica has a log of its own.
            var lines = Directory.GetFiles(Path.Combine(_state, "logs"), $"{service}*.log").SelectMany(log =>
            {
                using var file = new StreamReader(new FileStream(log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
                return file.ReadToEnd().Split('\n');
            }).ToArray();
            for (var i = 0; i < lines.Length; i++)
            {
                if (lines[i].StartsWith("fail: OpsPlatform.", StringComparison.Ordinal) || lines[i].StartsWith("crit:", StringComparison.Ordinal))
                {
                    // Without the first two lines, which tell one request from another.
                    var fault = $"{service}: {string.Join('\n', lines.Skip(i + 2).Take(maxLines).TakeWhile(line => line.StartsWith(' ')))}";
                    faults[fault] = faults.GetValueOrDefault(fault) + 1;
                }
            }
        }

        return [.. faults.Select(fault => $"{fault.Value} times {fault.Key}")];
    }

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _sender = new(service => service is null ? Gateway : Address(service));
        foreach (var service in Repository.ServiceNames)
        {
            _databases[service] = new((await App.GetConnectionStringAsync($"{service}db"))!);
        }

        // On a busy machine a service may be too slow for its part to be in the first one.
        var document = await Eventually.Is(
            async () => JsonNode.Parse((await Send(Call.Get("/openapi.json"), null)).Body)!.AsObject(), document => document["x-unavailable"] is null, TimeSpan.FromSeconds(90));
        Api = new(document);
    }

    public override async ValueTask DisposeAsync()
    {
        _sender?.Dispose();
        foreach (var database in _databases.Values)
        {
            await database.DisposeAsync();
        }

        await base.DisposeAsync();
        Directory.Delete(_state, recursive: true);
    }

    protected override void Configure(IDistributedApplicationTestingBuilder builder)
    {
        var gateway = Project("gateway");
        foreach (var limit in (string[])["OrganisationPerSecond", "OrganisationBurst", "SignInPerSecond", "SignInBurst", "AnonymousPerSecond", "AnonymousBurst"])
        {
            gateway.WithEnvironment($"RateLimits__{limit}", NoLimit);
        }

        // Forgers need the signing key itself.
        Project("identity").WithEnvironment("Identity__KeyEncryptionKey", "");

        IResourceBuilder<ProjectResource> Project(string name) =>
            builder.CreateResourceBuilder(builder.Resources.OfType<ProjectResource>().Single(project => project.Name == name));
    }
}
