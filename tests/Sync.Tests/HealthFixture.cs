using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;

[assembly: AssemblyFixture(typeof(OpsPlatform.Sync.Tests.HealthFixture))]

namespace OpsPlatform.Sync.Tests;

/// <summary>A service that checks its health every second against one stand-in source, with streams switched off.</summary>
public sealed class HealthFixture : ServiceFixture, IAsyncLifetime
{
    private const int Shard = 3;

    public HealthFixture()
        : base("sync", typeof(SyncDb))
    {
    }

    public SourceStandIn Source { get; private set; } = null!;

    protected override IEnumerable<(string Key, string Value)> Settings =>
    [
        ("services:inventory:http:0", Source.Address.ToString()),
        ("SYNC_HEALTH_CHECK_INTERVAL", "1"),
        ("SYNC_REALTIME", "off"),
        ("Sync:ApplyInterval", "00:00:00.100"),
        ("Sync:QueuePatience", "00:00:01"),
        ("Sync:ComparisonRest", "0"),
        ("Sync:ResyncPatience", "00:00:02"),
    ];

    async ValueTask IAsyncLifetime.InitializeAsync()
    {
        Source = await SourceStandIn.Start();
        await InitializeAsync();
        Source.HashWith(Services.GetRequiredKeyedService<NpgsqlDataSource>("relay"));
        Source.Send = (org, change) => Append(org, change.Id, change.RowVersion, change.Operation);
    }

    async ValueTask IAsyncDisposable.DisposeAsync()
    {
        // Looked at first: a question cut off by the stop is no fault of the service's.
        var notUnderstood = Source.NotUnderstood.ToArray();
        await DisposeAsync();
        await Source.DisposeAsync();
        notUnderstood.ShouldBeEmpty();
    }

    /// <summary>A change reaches the feed, as a service's relay would send it.</summary>
    public Task Append(Guid org, string id, long version, string operation = "update") => Append(Change(org, id, version, operation));

    public Task Append(CapturedChange change) => Broker.Send(new ChangeBatch("inventory", Shard, [change]));

    public static CapturedChange Change(Guid org, string id, long version, string operation = "update") =>
        SyncFixture.Change(org) with { EntityId = id, RowVersion = version, Operation = operation };

    /// <summary>The table and the feed have the row in this version.</summary>
    public async Task Agree(Guid org, string id, long version)
    {
        Source.Set(org, id, version);
        await Append(org, id, version);
    }

    public async Task<JsonElement> Get(Guid org, string path, string role = "viewer")
    {
        using var client = Client(org, role);
        return await client.GetFromJsonAsync<JsonElement>(path);
    }

    /// <summary>Looks at the health until it is as wanted.</summary>
    public Task<JsonElement> Health(Guid org, Func<JsonElement, bool> holds) => Eventually.Is(() => Get(org, "/sync/health"), holds);

    /// <summary>Waits until the organisation's table was compared and all its rows agree.</summary>
    public Task<JsonElement> Agreement(Guid org, int rows) => Health(org, health =>
        health.GetProperty("tables").GetArrayLength() == 1
        && health.GetProperty("tables")[0].GetProperty("rows").GetInt64() == rows
        && health.GetProperty("score").GetDouble() == 1
        && health.GetProperty("tables")[0].GetProperty("inFlight").GetInt64() == 0
        && health.GetProperty("level").GetString() == "normal");
}
