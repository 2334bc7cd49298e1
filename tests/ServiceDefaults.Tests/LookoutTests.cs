using System.Collections.Concurrent;
using System.Diagnostics;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Tests.Sample;
using OpsPlatform.Testing;

namespace OpsPlatform.ServiceDefaults.Tests;

/// <summary>What one look finds for all who rest, in a service that nobody calls.</summary>
public sealed class LookoutTests : IAsyncLifetime
{
    /// <summary>Nobody who rests would look by then.</summary>
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(4);

    private readonly NotesFixture _service = new();
    private readonly Guid _org = Guid.NewGuid();

    public ValueTask InitializeAsync() => _service.InitializeAsync();

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    [Fact]
    public async Task What_raw_SQL_writes_while_the_relays_rest_is_sent_soon()
    {
        var placed = await _service.Broker.Listen<OrderPlaced>();
        var heard = await _service.Broker.ListenToChanges();
        await RelaysRest();
        var watch = Stopwatch.StartNew();
        await Run("""
            INSERT INTO outbox (id, org_id, message_type, body, correlation_id) VALUES
              (gen_random_uuid(), $1, 'OrderPlaced', '{"orderId": "0198f000-0000-7000-8000-000000000001", "number": 1, "totalMinor": 1, "currency": "GBP", "occurredAt": "2026-01-01T00:00:00Z"}', gen_random_uuid())
            """, _org);
        await placed.Next(_org);
        watch.Elapsed.ShouldBeLessThan(Soon);

        await RelaysRest();
        var note = Guid.NewGuid();
        watch.Restart();
        await Run("INSERT INTO notes (id, text) VALUES ($1, 'raw')", note);
        while (!(await heard.ReadAsync()).Changes.Any(change => change.EntityId == note.ToString()))
        {
        }

        watch.Elapsed.ShouldBeLessThan(Soon);
    }

    [Fact]
    public async Task While_nothing_waits_one_statement_asks_for_all()
    {
        var database = _service.Database.Admin.Database!;
        ConcurrentQueue<string> asked = [];
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Npgsql",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity =>
            {
                if (activity.Tags.Any(tag => tag.Value == database) && activity.Tags.FirstOrDefault(tag => tag.Key is "db.query.text" or "db.statement").Value is { } sql)
                {
                    asked.Enqueue(sql);
                }
            },
        };
        await RelaysRest();
        ActivitySource.AddActivityListener(listener);
        await Eventually.Is(() => Task.FromResult(asked.Count(sql => sql.StartsWith("SELECT EXISTS", StringComparison.Ordinal)) >= 4));
        foreach (var own in (string[])["FROM outbox", "FROM sync_events", "UPDATE operation_work", "told_wait IS DISTINCT"])
        {
            asked.Count(sql => sql.Contains(own, StringComparison.Ordinal) && !sql.StartsWith("SELECT EXISTS", StringComparison.Ordinal)).ShouldBeLessThan(2, own);
        }
    }

    /// <summary>Its own session has asked nothing for longer than it looks around after the last of its work.</summary>
    private Task RelaysRest() => Eventually.Is(async () =>
    {
        await using var session = await _service.OpenAs("relay");
        await using var look = new NpgsqlCommand(
            """
            SELECT count(*) = 1 AND bool_and(a.state = 'idle' AND clock_timestamp() - a.query_start > interval '2 s') FROM pg_stat_activity a
            WHERE a.pid IN (
              SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid::bigint = hashtext('opsplatform relay')::bigint & 4294967295
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
            """, session);
        return await look.ExecuteScalarAsync() is true;
    });

    private async Task Run(string sql, Guid value)
    {
        await using var session = await _service.OpenAs("app", _org);
        await using var command = new NpgsqlCommand(sql, session) { Parameters = { new() { Value = value } } };
        await command.ExecuteNonQueryAsync();
    }
}
