using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Tests.Sample;
using OpsPlatform.Testing;

namespace OpsPlatform.ServiceDefaults.Tests;

/// <summary>How few messages captured changes travel in.</summary>
public sealed class ChangeQueueTests(NotesFixture fixture) : IClassFixture<NotesFixture>
{
    private const string ShardsSql = """
        SELECT pid, objid::int FROM pg_locks
        WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND objid < 8 AND classid::bigint = hashtext('opsplatform relay')::bigint & 4294967295
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        """;

    private readonly Guid _org = Guid.NewGuid();

    [Fact]
    public async Task Changes_made_together_are_one_message_on_each_of_two_queues()
    {
        var heard = await fixture.Broker.ListenToChanges();
        await using var session = await fixture.OpenAs("app", _org);
        await using var insert = new NpgsqlCommand("INSERT INTO notes (id, text) SELECT gen_random_uuid(), n::text FROM generate_series(1, 200) AS n", session);
        await insert.ExecuteNonQueryAsync();
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var (messages, changes) = (0, 0);
        while (changes < 200)
        {
            var batch = await heard.ReadAsync(timeout.Token);
            var own = batch.Changes.Count(change => change.OrgId == _org);
            (messages, changes) = (messages + (own > 0 ? 1 : 0), changes + own);
        }

        messages.ShouldBe(2);
    }

    [Fact]
    public async Task Each_of_two_replicas_has_the_shards_of_one_queue()
    {
        await using var replica = await fixture.StartReplica();
        var held = await Eventually.Is(Held, held => held.Count == Topology.Shards && held.GroupBy(shard => shard.Owner).All(own => own.Count() == Topology.Shards / 2));
        held.Distinct().Count().ShouldBe(2);
    }

    private async Task<List<(int Owner, string Queue)>> Held()
    {
        await using var session = await fixture.OpenAs("relay");
        await using var read = new NpgsqlCommand(ShardsSql, session);
        await using var row = await read.ExecuteReaderAsync();
        List<(int, string)> held = [];
        while (await row.ReadAsync())
        {
            held.Add((row.GetInt32(0), Topology.ChangeQueue(row.GetInt32(1))));
        }

        return held;
    }
}
