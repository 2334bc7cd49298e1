using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Json;
using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tests.Sample;
using OpsPlatform.Testing;

namespace OpsPlatform.ServiceDefaults.Tests;

/// <summary>Two replicas of one service on one database.</summary>
public sealed class ReplicaTests(ITestOutputHelper output) : IAsyncLifetime
{
    private static readonly TimeSpan TakenOverWithin = TimeSpan.FromSeconds(20);

    private readonly NotesFixture _first = new();
    private readonly Guid _org = Guid.NewGuid();
    private IRunningService _second = null!;

    public async ValueTask InitializeAsync()
    {
        await _first.InitializeAsync();
        _second = await _first.StartReplica();
        await Holders(owners => owners.Count == 2 && owners.All(owner => owner.Value == Topology.Shards / 2));
    }

    public async ValueTask DisposeAsync()
    {
        await _second.DisposeAsync();
        await _first.DisposeAsync();
    }

    [Fact]
    public async Task While_shards_move_between_replicas_every_change_arrives_and_those_of_one_entity_in_order()
    {
        const int Entities = 32;
        var heard = await _first.Broker.ListenToChanges();
        using var stop = new CancellationTokenSource();
        var writers = Enumerable.Range(0, Entities).Select(_ => Write(Guid.NewGuid(), stop.Token)).ToArray();
        var seen = new ConcurrentDictionary<string, long>();
        var reading = ReadUntil(heard, seen);

        // One that goes in good order, one that comes, one whose connection is cut, and one that comes back by itself.
        await Seen(seen, Entities, 5);
        await _second.DisposeAsync();
        await Holders(owners => owners.Count == 1 && owners.All(owner => owner.Value == Topology.Shards));
        await Seen(seen, Entities, 10);
        _second = await _first.StartReplica();
        await Holders(owners => owners.Count == 2 && owners.All(owner => owner.Value == Topology.Shards / 2));
        await Seen(seen, Entities, 15);
        await CutOneOwner();
        await Seen(seen, Entities, 20);
        await Holders(owners => owners.Count == 2 && owners.All(owner => owner.Value == Topology.Shards / 2));
        await Seen(seen, Entities, 25);
        await stop.CancelAsync();
        var written = await Task.WhenAll(writers);

        await Eventually.Is(() => Task.FromResult(seen), all => written.All(entity => all.GetValueOrDefault(entity.Id.ToString()) == entity.Version));
        reading.IsFaulted.ShouldBeFalse(reading.Exception?.ToString());
    }

    [Fact]
    public async Task A_relay_that_stops_gives_its_shards_away_while_its_process_still_lives()
    {
        await _second.Services.GetServices<IHostedService>().OfType<ChangeRelay>().Single().StopAsync(CancellationToken.None);
        await Holders(owners => owners.Count == 1 && owners.All(owner => owner.Value == Topology.Shards));
    }

    [Fact]
    public async Task What_one_replica_commits_wakes_the_relays_of_the_other()
    {
        var signal = _second.Services.GetRequiredService<RelaySignal>();
        using var client = _first.Client(_org);
        await Eventually.Is(() => Task.FromResult(_first.Services.GetRequiredService<Replicas>().Count), count => count == 2);
        for (var i = 0; i < 5; i++)
        {
            var woken = signal.Next;
            (await client.PostAsJsonAsync("/notes", new { text = "wake" })).EnsureSuccessStatusCode();
            await woken.WaitAsync(TakenOverWithin);
        }
    }

    [Fact]
    public async Task A_change_is_on_the_broker_whichever_replica_owns_its_shard()
    {
        var heard = await _first.Broker.ListenToChanges();
        List<double> took = [];
        using var client = _first.Client(_org);
        for (var i = 0; i < 60; i++)
        {
            var id = Guid.NewGuid();
            var watch = Stopwatch.StartNew();
            (await client.PostAsJsonAsync("/notes", new { id, text = "fast" })).EnsureSuccessStatusCode();
            using var timeout = new CancellationTokenSource(TakenOverWithin);
            while (!(await heard.ReadAsync(timeout.Token)).Changes.Any(change => change.EntityId == id.ToString()))
            {
            }

            took.Add(watch.Elapsed.TotalMilliseconds);
        }

        took.Sort();
        output.WriteLine($"request sent to change heard: median {took[30]:0.0} ms, slowest {took[^1]:0.0} ms");
    }

    [Fact]
    public async Task Raw_SQL_is_found_without_a_wake_up()
    {
        var heard = await _first.Broker.ListenToChanges();
        await using var session = await _first.OpenAs("app", _org);
        var id = Guid.NewGuid();
        await Run(session, "INSERT INTO notes (id, text) VALUES ($1, 'raw')", id);
        using var timeout = new CancellationTokenSource(TakenOverWithin);
        while (!(await heard.ReadAsync(timeout.Token)).Changes.Any(change => change.EntityId == id.ToString()))
        {
        }
    }

    [Fact]
    public async Task What_a_long_transaction_changed_is_sent_before_what_waited_for_it()
    {
        var seen = new ConcurrentDictionary<string, long>();
        var reading = ReadUntil(await _first.Broker.ListenToChanges(), seen);
        var id = Guid.NewGuid();
        await InOrg("INSERT INTO notes (id, text) VALUES ($1, '1')", id);

        await using var session = await _first.OpenAs("app", _org);
        await using var transaction = await session.BeginTransactionAsync();
        await Run(session, "UPDATE notes SET text = '2' WHERE id = $1", id);
        var waiting = InOrg("UPDATE notes SET text = '3' WHERE id = $1", id);
        // The relays pass its number with what others commit, for longer than they keep to a place.
        for (var passed = Stopwatch.StartNew(); passed.Elapsed < TimeSpan.FromSeconds(2);)
        {
            var other = Guid.NewGuid();
            await InOrg("INSERT INTO notes (id, text) VALUES ($1, 'other')", other);
            await Eventually.Is(() => Task.FromResult(seen.ContainsKey(other.ToString())));
        }

        await transaction.CommitAsync();
        await waiting;
        await Eventually.Is(() => Task.FromResult(reading.IsFaulted || seen[id.ToString()] == 3));
        reading.IsFaulted.ShouldBeFalse(reading.Exception?.ToString());
    }

    [Fact]
    public async Task A_build_starts_on_a_schema_newer_than_its_own()
    {
        await using (var owner = await _first.OpenAs("owner"))
        await using (var expand = new NpgsqlCommand(
            """
            ALTER TABLE notes ADD COLUMN added_later text;
            INSERT INTO schema_migrations (name, sha256) VALUES ('OpsPlatform.ServiceDefaults.Database.Migrations.9999_later.sql', 'of a later build');
            """, owner))
        {
            await expand.ExecuteNonQueryAsync();
        }

        await _second.DisposeAsync();
        _second = await _first.StartReplica();
        using var client = _first.Client(_org, at: _second.Address);
        (await client.PostAsJsonAsync("/notes", new { text = "older" })).EnsureSuccessStatusCode();
        (await client.GetFromJsonAsync<string[]>("/notes"))!.ShouldBe(["older"]);
    }

    private async Task<(Guid Id, long Version)> Write(Guid id, CancellationToken stop)
    {
        long version = 1;
        await InOrg("INSERT INTO notes (id, text) VALUES ($1, '1')", id);
        while (!stop.IsCancellationRequested)
        {
            await InOrg($"UPDATE notes SET text = '{++version}' WHERE id = $1", id);
        }

        return (id, version);
    }

    private async Task InOrg(string sql, Guid id)
    {
        await using var session = await _first.OpenAs("app", _org);
        await Run(session, sql, id);
    }

    private static async Task Run(NpgsqlConnection session, string sql, Guid id)
    {
        await using var command = new NpgsqlCommand(sql, session) { Parameters = { new() { Value = id } } };
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>A repeat is passed over; a version before the one that is due is a fault.</summary>
    private static async Task ReadUntil(ChannelReader<ChangeBatch> heard, ConcurrentDictionary<string, long> seen)
    {
        await foreach (var batch in heard.ReadAllAsync())
        {
            foreach (var change in batch.Changes)
            {
                var before = seen.GetValueOrDefault(change.EntityId);
                change.RowVersion.ShouldBeLessThanOrEqualTo(before + 1, "a change overtook an earlier one");
                seen[change.EntityId] = Math.Max(before, change.RowVersion);
            }
        }
    }

    private static Task Seen(ConcurrentDictionary<string, long> seen, int entities, long version) =>
        Eventually.Is(() => Task.FromResult(seen.Count == entities && seen.Values.Min() >= version));

    private async Task CutOneOwner()
    {
        var admin = new NpgsqlConnectionStringBuilder((await Infrastructure.Get()).Postgres) { Database = _first.Database.Admin.Database, Pooling = false };
        await using var connection = new NpgsqlConnection(admin.ConnectionString);
        await connection.OpenAsync();
        await using var cut = new NpgsqlCommand(
            $"SELECT pg_terminate_backend(min(pid)) FROM ({OwnersSql}) owners", connection);
        await cut.ExecuteNonQueryAsync();
    }

    private const string OwnersSql = """
        SELECT pid, count(*) AS shards FROM pg_locks
        WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND objid < 8 AND classid::bigint = hashtext('opsplatform relay')::bigint & 4294967295
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        GROUP BY pid
        """;

    private Task<Dictionary<int, long>> Holders(Func<Dictionary<int, long>, bool> fits) => Eventually.Is(
        async () =>
        {
            await using var session = await _first.OpenAs("relay");
            await using var read = new NpgsqlCommand(OwnersSql, session);
            await using var row = await read.ExecuteReaderAsync();
            Dictionary<int, long> owners = [];
            while (await row.ReadAsync())
            {
                owners[row.GetInt32(0)] = row.GetInt64(1);
            }

            return owners;
        },
        fits,
        TakenOverWithin);
}
