using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;
using RabbitMQ.Client;

namespace OpsPlatform.Sync.Tests;

/// <summary>What comes from the queues of captured changes, and what when they are out of reach.</summary>
public sealed class ListenTests(ListenFixture fixture) : IClassFixture<ListenFixture>
{
    private static readonly string Urn = MassTransit.MessageUrn.ForTypeString<ChangeBatch>();
    private readonly Guid _org = Guid.NewGuid();

    [Fact]
    public async Task What_cannot_be_read_is_set_aside_and_what_came_with_it_is_heard_in_order()
    {
        const int Shard = 5;
        var changes = SyncFixture.Changes(_org, 4);
        await fixture.Send(Shard, changes[0]);
        await fixture.Entries(_org, 1);
        await using var broker = await new ConnectionFactory { Uri = fixture.Messaging }.CreateConnectionAsync();
        await using var channel = await broker.CreateChannelAsync();
        await using (var holding = await fixture.OpenAs("owner"))
        {
            // Everything waits behind the next entry, and so is taken together.
            await using var transaction = await holding.BeginTransactionAsync();
            await using var hold = new NpgsqlCommand("LOCK TABLE feed_heads IN EXCLUSIVE MODE", holding);
            await hold.ExecuteNonQueryAsync();
            await fixture.Send(Shard, changes[1]);
            await Eventually.Is(Waits);
            await Publish("no JSON");
            await Publish($$$"""{"messageType":["{{{Urn}}}"],"message":{"service":"inventory","shard":5,"changes":[null]}}""");
            await fixture.Send(Shard, changes[2]);
            await Publish($$$"""{"messageType":["{{{Urn}}}"],"message":{"service":"inventory","shard":5}}""");
            await Publish("""{"messageType":["urn:message:Another"],"message":{"service":"inventory","shard":5,"changes":[]}}""");
            await fixture.Send(Shard, changes[3]);
        }

        (await fixture.Entries(_org, 4)).Select(entry => entry.EntityId).ShouldBe(changes.Select(change => change.EntityId));
        using var platform = fixture.Operator();
        await Eventually.Is(
            async () => (await platform.GetFromJsonAsync<JsonElement>("/sync/errors")).GetProperty("items").EnumerateArray().ToArray(),
            errors => errors.Count(error => error.GetProperty("name").GetString() == "unreadable") == 4);

        async Task Publish(string body) => await channel.BasicPublishAsync("", Topology.ChangeQueue(Shard), Encoding.UTF8.GetBytes(body));
    }

    [Fact]
    public async Task A_queue_that_is_out_of_reach_is_told_by_health_and_heard_again_once_it_is_well()
    {
        const int Shard = 2;
        await using var broker = await new ConnectionFactory { Uri = fixture.Messaging }.CreateConnectionAsync();
        await using var channel = await broker.CreateChannelAsync();
        // Sync makes the queue anew at once: this one refuses what it asks for, unless it is too late.
        await Eventually.Is(async () =>
        {
            await using var attempt = await broker.CreateChannelAsync();
            try
            {
                await attempt.QueueDeleteAsync(Topology.ChangeQueue(Shard));
                await attempt.QueueDeclareAsync(Topology.ChangeQueue(Shard), durable: true, exclusive: false, autoDelete: false);
                return true;
            }
            catch (RabbitMQ.Client.Exceptions.OperationInterruptedException)
            {
                return false;
            }
        });
        (await Eventually.Is(BrokerState, state => state == "degraded")).ShouldBe("degraded");

        await channel.QueueDeleteAsync(Topology.ChangeQueue(Shard));
        await Eventually.Is(BrokerState, state => state == "healthy");
        await fixture.Send(Shard, SyncFixture.Change(_org));
        await fixture.Entries(_org, 1);
    }

    private async Task<bool> Waits()
    {
        await using var looking = await fixture.OpenAs("relay");
        await using var waits = new NpgsqlCommand(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%append_changes%')", looking);
        return (bool)(await waits.ExecuteScalarAsync())!;
    }

    private async Task<string?> BrokerState()
    {
        using var anybody = fixture.Anonymous();
        var health = await anybody.GetFromJsonAsync<JsonElement>("/health");
        return health.GetProperty("checks").GetProperty("broker").GetProperty("status").GetString();
    }
}

/// <summary>A service of its own: its queues are taken from it.</summary>
public sealed class ListenFixture : SyncFixture;
