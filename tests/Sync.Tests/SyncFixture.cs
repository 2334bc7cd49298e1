using System.Net.Http.Json;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;

[assembly: AssemblyFixture(typeof(OpsPlatform.Sync.Tests.SyncFixture))]

namespace OpsPlatform.Sync.Tests;

/// <summary>One running service for all tests; they keep apart by their own organisations.</summary>
public class SyncFixture() : ServiceFixture("sync", typeof(SyncDb))
{
    public const int StreamsPerUser = 5;
    public const int StreamsPerOrganisation = 40;

    private static long _seq;

    protected override IEnumerable<(string Key, string Value)> Settings =>
    [
        ("Sync:KeepAlive", "00:00:00.100"),
        ("Sync:PositionInterval", "00:00:00.050"),
        ("Sync:PollInterval", "00:00:00.100"),
        ("Sync:SubscriberFrames", "200"),
        ("Sync:StreamsPerUser", $"{StreamsPerUser}"),
        ("Sync:StreamsPerOrganisation", $"{StreamsPerOrganisation}"),
    ];

    /// <summary>A change no other test has; its entity id is the seq.</summary>
    public static CapturedChange Change(
        Guid org, string entityType = "ingredient", string eventType = "inventory_updated", DateTimeOffset? capturedAt = null, string data = "{\"stock\": 1.50}")
    {
        var seq = Interlocked.Increment(ref _seq);
        return new(
            seq, Guid.NewGuid(), org, eventType, "stock", "normal", entityType, $"{seq}", 1, "update", data, "[\"stock\"]",
            "{\"actor\": \"test\"}", Trim(capturedAt ?? DateTimeOffset.UtcNow));
    }

    public static CapturedChange[] Changes(Guid org, int count) => [.. Enumerable.Range(0, count).Select(_ => Change(org))];

    public Task Send(int shard, params CapturedChange[] changes) => Broker.Send(new ChangeBatch("inventory", shard, changes));

    /// <summary>Appends as another replica does: this process is not told.</summary>
    public async Task AppendElsewhere(params CapturedChange[] changes)
    {
        await using var relay = await OpenAs("relay");
        await using var command = new NpgsqlCommand(
            "SELECT count(*) FROM append_changes('inventory', $1, $2, $3, $4, $4, $4, $4, $5, $1, $4, $6, $7, $6, $8)", relay)
        {
            Parameters =
            {
                new() { Value = changes.Select(c => c.Seq).ToArray() },
                new() { Value = changes.Select(c => c.Id).ToArray() },
                new() { Value = changes.Select(c => c.OrgId).ToArray() },
                new() { Value = changes.Select(c => c.EntityType).ToArray() },
                new() { Value = changes.Select(c => c.EntityId).ToArray() },
                new() { Value = changes.Select(c => c.Data).ToArray() },
                new() { Value = changes.Select(c => c.Changed).ToArray() },
                new() { Value = changes.Select(c => c.CapturedAt).ToArray() },
            },
        };
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>Opens a stream; as a browser does, it comes again while the slot of a stream just dropped is still taken.</summary>
    public async Task<SseClient> Stream(Guid org, string query = "", long? lastEventId = null, Guid? user = null)
    {
        var client = Client(org, "viewer", user);
        return (await Eventually.Is(() => SseClient.TryOpen(client, "/sync/feed?stream=1" + query, lastEventId), stream => stream is not null))!;
    }

    /// <summary>Reads pages until the organisation has that many entries.</summary>
    public async Task<IReadOnlyList<FeedItem>> Entries(Guid org, int count)
    {
        using var client = Client(org, "viewer");
        List<FeedItem> items = [];
        await Eventually.Is(
            async () =>
            {
                FeedPage page;
                do
                {
                    page = (await client.GetFromJsonAsync<FeedPage>($"/sync/feed?limit=1000&after={items.Count}"))!;
                    items.AddRange(page.Items);
                }
                while (page.Items.Count > 0);
                return items.Count;
            },
            seen => seen >= count);
        return items;
    }

    /// <summary>PostgreSQL keeps microseconds, and so do captured times.</summary>
    private static DateTimeOffset Trim(DateTimeOffset time) => new(time.UtcTicks - (time.UtcTicks % 10), TimeSpan.Zero);
}

public sealed record FeedPage(IReadOnlyList<FeedItem> Items, long Position, long Head);

public sealed record FeedItem(long Position, string EntityId, string EntityType, string EventType, string Service, DateTimeOffset CapturedAt);
