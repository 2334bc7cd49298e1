using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Tests.Sample;
using OpsPlatform.Testing;

namespace OpsPlatform.ServiceDefaults.Tests;

public sealed class CaptureTests(NotesFixture fixture) : IClassFixture<NotesFixture>
{
    private readonly Guid _org = Guid.NewGuid();

    [Fact]
    public async Task A_change_is_captured_with_the_row_its_version_and_who_made_it_and_reaches_its_shards_queue()
    {
        var changes = await fixture.Broker.ListenToChanges();
        using var client = fixture.Client(_org, user: Guid.Parse("00000000-0000-0000-0000-00000000beef"));
        var id = Guid.NewGuid();
        (await client.PostAsJsonAsync("/notes", new { id, text = "seen", secret = "hidden" })).EnsureSuccessStatusCode();

        var (batch, change) = await Next(changes);
        batch.Service.ShouldBe("orders");
        change.EntityId.ShouldBe(id.ToString());
        (change.EventType, change.Category, change.EntityType, change.Operation, change.RowVersion).ShouldBe(("note_created", "notes", "note", "create", 1L));
        var data = JsonDocument.Parse(change.Data).RootElement;
        data.GetProperty("text").GetString().ShouldBe("seen");
        data.TryGetProperty("secret", out _).ShouldBeFalse();
        var metadata = JsonDocument.Parse(change.Metadata).RootElement;
        metadata.GetProperty("actor").GetString().ShouldBe("00000000-0000-0000-0000-00000000beef");
        metadata.GetProperty("service").GetString().ShouldBe("orders");
        metadata.GetProperty("source").GetString().ShouldBe("http");
    }

    [Fact]
    public async Task Raw_SQL_is_captured_too_and_an_update_that_changes_nothing_writes_nothing()
    {
        await using var session = await fixture.OpenAs("app", _org);
        var id = Guid.NewGuid();
        await Run(session, "INSERT INTO notes (id, text) VALUES ($1, 'one')", id);
        await Run(session, "UPDATE notes SET text = 'one' WHERE id = $1", id);
        await Run(session, "UPDATE notes SET text = 'two', secret = 's' WHERE id = $1", id);
        await Run(session, "DELETE FROM notes WHERE id = $1", id);

        await using var read = new NpgsqlCommand("SELECT operation, row_version, changed::text FROM sync_events WHERE entity_id = $1 ORDER BY seq", session) { Parameters = { new() { Value = id.ToString() } } };
        List<(string, long)> seen = [];
        List<string> changed = [];
        await using var row = await read.ExecuteReaderAsync();
        while (await row.ReadAsync())
        {
            seen.Add((row.GetString(0), row.GetInt64(1)));
            changed.Add(row.GetString(2));
        }

        seen.ShouldBe([("create", 1), ("update", 2), ("delete", 3)]);
        JsonSerializer.Deserialize<string[]>(changed[1])!.Order().ShouldBe(["row_version", "text", "updated_at"]);
    }

    [Fact]
    public async Task Rows_inserted_by_one_statement_are_each_captured_and_those_it_updates_as_updates()
    {
        await using var session = await fixture.OpenAs("app", _org);
        Guid[] ids = [Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid()];
        await Run(session, "INSERT INTO notes (id, text, secret) VALUES ($1, 'old', 's')", ids[0]);
        await Run(session, "INSERT INTO notes (id, text) SELECT $1, 'none' WHERE false", ids[1]);

        await Run(session, "INSERT INTO notes (id, text, secret) SELECT unnest($1), 'new', 's' ON CONFLICT (org_id, id) DO UPDATE SET text = excluded.text", ids);

        await using var read = new NpgsqlCommand(
            "SELECT entity_id, operation, row_version, data ->> 'id', data ->> 'text', changed::text FROM sync_events WHERE entity_id = ANY ($1) ORDER BY seq", session)
        {
            Parameters = { new() { Value = ids.Select(id => id.ToString()).ToArray() } },
        };
        List<(string, string, long, string)> seen = [];
        await using var row = await read.ExecuteReaderAsync();
        while (await row.ReadAsync())
        {
            row.GetString(3).ShouldBe(row.GetString(0));
            seen.Add((row.GetString(0), row.GetString(1), row.GetInt64(2), row.GetString(4)));
            JsonSerializer.Deserialize<string[]>(row.GetString(5))!.Order().ShouldBe(
                row.GetString(1) == "create" ? [] : ["row_version", "text", "updated_at"]);
        }

        seen.Take(1).ShouldBe([($"{ids[0]}", "create", 1, "old")]);
        seen.Skip(1).ShouldBe([($"{ids[0]}", "update", 2, "new"), ($"{ids[1]}", "create", 1, "new"), ($"{ids[2]}", "create", 1, "new")], ignoreOrder: true);
    }

    [Fact]
    public async Task Rows_updated_by_one_statement_are_each_captured_with_what_changed_in_them_and_those_left_as_they_were_are_not()
    {
        await using var session = await fixture.OpenAs("app", _org);
        Guid[] ids = [.. Enumerable.Range(0, 300).Select(_ => Guid.NewGuid())];
        await Run(session, "INSERT INTO notes (id, text) SELECT id, 'note ' || n FROM unnest($1) WITH ORDINALITY AS given (id, n)", ids);

        // The plan is made for the one row that comes first.
        await Run(session, "UPDATE notes SET text = 'first' WHERE id = $1", ids[0]);
        await Run(session, "UPDATE notes SET text = CASE WHEN text LIKE '%7' THEN text ELSE text || ', again' END, secret = 's' WHERE id = ANY ($1) AND id <> $2", ids, ids[0]);
        await Run(session, "UPDATE notes SET text = text WHERE id = ANY ($1)", ids);

        await using var read = new NpgsqlCommand(
            """
            SELECT e.entity_id = n.id::text AND e.row_version = n.row_version AND e.data ->> 'text' = n.text AND NOT e.data ? 'secret',
              (SELECT string_agg(key, ' ' ORDER BY key) FROM jsonb_array_elements_text(e.changed) AS key), n.text
            FROM sync_events e JOIN notes n ON n.id::text = e.entity_id WHERE e.operation = 'update' AND n.id = ANY ($1)
            """, session)
        { Parameters = { new() { Value = ids } } };
        var (same, changed) = (0, 0);
        await using var row = await read.ExecuteReaderAsync();
        while (await row.ReadAsync())
        {
            row.GetBoolean(0).ShouldBeTrue();
            var isSame = row.GetString(2).EndsWith('7');
            row.GetString(1).ShouldBe(isSame ? "row_version updated_at" : "row_version text updated_at");
            (same, changed) = isSame ? (same + 1, changed) : (same, changed + 1);
        }

        (same, changed).ShouldBe((30, 270));
    }

    [Fact]
    public async Task Changes_of_one_entity_arrive_in_order_with_what_changed_and_are_marked_processed()
    {
        var changes = await fixture.Broker.ListenToChanges();
        await using var session = await fixture.OpenAs("app", _org);
        var id = Guid.NewGuid();
        await Run(session, "INSERT INTO notes (id, text) VALUES ($1, '0')", id);
        for (var i = 1; i <= 200; i++)
        {
            await Run(session, "UPDATE notes SET text = text || 'x' WHERE id = $1", id);
        }

        var created = (await Next(changes)).Change;
        JsonSerializer.Deserialize<string[]>(created.Changed)!.ShouldBe(["id", "org_id", "row_version", "text", "updated_at"], ignoreOrder: true);
        List<long> versions = [created.RowVersion];
        while (versions.Count < 201)
        {
            versions.Add((await Next(changes)).Change.RowVersion);
        }

        versions.ShouldBe(Enumerable.Range(1, 201).Select(i => (long)i));
        using var client = fixture.Client(_org);
        await Eventually.Is(async () => (await client.GetFromJsonAsync<Stats>("/orders/changes/stats"))! == new Stats(201, 0, 201, 0));
    }

    [Fact]
    public async Task A_change_too_large_to_travel_fails_alone_and_can_be_retried()
    {
        var changes = await fixture.Broker.ListenToChanges();
        await using var session = await fixture.OpenAs("app", _org);
        await Run(session, "INSERT INTO notes (id, text) VALUES ($1, repeat('x', 1100000))", Guid.NewGuid());
        var small = Guid.NewGuid();
        await Run(session, "INSERT INTO notes (id, text) VALUES ($1, 'small')", small);
        (await Next(changes)).Change.EntityId.ShouldBe(small.ToString());

        using var client = fixture.Client(_org);
        var error = await Eventually.Is(
            async () => (await client.GetFromJsonAsync<JsonElement>("/orders/errors")).GetProperty("items"), items => items.GetArrayLength() == 1);
        error[0].GetProperty("kind").GetString().ShouldBe("change");
        error[0].GetProperty("attempts").GetInt32().ShouldBe(3);
        await using (var relay = await fixture.OpenAs("relay"))
        {
            await Run(relay, "UPDATE sync_events SET size_bytes = 1 WHERE id = $1", error[0].GetProperty("id").GetGuid());
        }

        (await client.PostAsync($"/orders/errors/{error[0].GetProperty("id").GetGuid()}/retry", null)).EnsureSuccessStatusCode();
        (await Next(changes)).Change.Id.ShouldBe(error[0].GetProperty("id").GetGuid());
    }

    [Fact]
    public async Task The_run_time_role_sees_one_organisation_and_cannot_touch_what_was_captured()
    {
        var other = Guid.NewGuid();
        await using var session = await fixture.OpenAs("app", _org);
        await Run(session, "INSERT INTO notes (id, text) VALUES ($1, 'mine')", Guid.NewGuid());
        await using var stranger = await fixture.OpenAs("app", other);
        (await Count(stranger, "SELECT count(*) FROM notes")).ShouldBe(0);
        (await Count(stranger, "SELECT count(*) FROM sync_events")).ShouldBe(0);
        (await Run(stranger, "UPDATE notes SET text = 'stolen'")).ShouldBe(0);
        (await Run(stranger, "DELETE FROM notes")).ShouldBe(0);
        await using var nobody = await fixture.OpenAs("app");
        (await Count(nobody, "SELECT count(*) FROM notes")).ShouldBe(0);

        (await Should.ThrowAsync<PostgresException>(() => Run(stranger, $"INSERT INTO notes (org_id, id, text) VALUES ('{_org}', gen_random_uuid(), 'planted')"))).SqlState.ShouldBe("42501");
        foreach (var sql in (string[])["DELETE FROM sync_events", "UPDATE sync_events SET sync_status = 'processed'", "TRUNCATE notes",
            "INSERT INTO sync_events DEFAULT VALUES", "DELETE FROM outbox", $"SET ROLE orders_owner", "SELECT count(*) FROM sync_events_default", "ALTER TABLE notes DISABLE ROW LEVEL SECURITY", "CREATE TEMP TABLE forged (id uuid)"])
        {
            (await Should.ThrowAsync<PostgresException>(() => Run(session, sql), sql)).SqlState.ShouldBe("42501", sql);
        }
    }

    [Fact]
    public async Task A_week_whose_partition_was_missing_takes_its_rows_back_from_the_default_one()
    {
        await using var session = await fixture.OpenAs("app", _org);
        await using var owner = await fixture.OpenAs("owner");
        await using var name = new NpgsqlCommand("SELECT 'sync_events_' || to_char(date_trunc('week', now(), 'UTC') AT TIME ZONE 'UTC', 'YYYYMMDD')", owner);
        var week = (string)(await name.ExecuteScalarAsync())!;
        await using (var transaction = await owner.BeginTransactionAsync())
        {
            // Within one transaction: the other tests' changes must not meet a missing week.
            await Run(owner, $"ALTER TABLE sync_events DETACH PARTITION {week}");
            await Run(owner, $"ALTER TABLE {week} RENAME TO detached");
            await Run(owner, $"INSERT INTO sync_events (org_id, event_type, category, priority, entity_type, entity_id, row_version, operation, data, changed, metadata, size_bytes, sync_status, shard) VALUES ('{_org}', 'stray', 't', 't', 't', 't', 1, 'create', '{{}}', '[]', '{{}}', 1, 'processed', 0)");
            (await Count(owner, "SELECT count(*) FROM sync_events_default")).ShouldBe(1);
            await Run(owner, "SELECT ops_ensure_partitions('sync_events')");
            (await Count(owner, "SELECT count(*) FROM sync_events_default")).ShouldBe(0);
            (await Count(owner, $"SELECT count(*) FROM {week} WHERE event_type = 'stray'")).ShouldBe(1);
            await transaction.RollbackAsync();
        }
    }

    [Fact]
    public async Task Ids_of_messages_that_come_no_more_are_forgotten_so_many_at_a_time_by_a_role_that_may_take_long()
    {
        await using var owner = fixture.Database.Owner.CreateConnection();
        await owner.OpenAsync();
        owner.CreateCommand().CommandTimeout.ShouldBeGreaterThanOrEqualTo(600);
        await using var transaction = await owner.BeginTransactionAsync();
        await Run(owner, "INSERT INTO inbox SELECT 'forgetting', gen_random_uuid(), timestamptz '2020-01-01 00:00+00' + n * interval '1 day' FROM generate_series(0, 4) n");
        async Task<int> Forget()
        {
            await using var forget = new NpgsqlCommand("SELECT ops_forget_rows('2020-01-04 00:00+00', 2, 'inbox', 'received_at')", owner);
            return (int)(await forget.ExecuteScalarAsync())!;
        }

        (await Forget(), await Forget(), await Forget()).ShouldBe((2, 1, 0));
        (await Count(owner, "SELECT count(*) FROM inbox WHERE consumer = 'forgetting'")).ShouldBe(2);
        await transaction.RollbackAsync();
    }

    [Fact]
    public async Task A_pooled_connection_forgets_the_organisation_it_served()
    {
        using var first = fixture.Client(_org);
        (await first.PostAsJsonAsync("/notes", new { text = "mine" })).EnsureSuccessStatusCode();
        var lists = await Task.WhenAll(Enumerable.Range(0, 100).Select(async i =>
        {
            using var client = fixture.Client(i % 2 == 0 ? _org : Guid.NewGuid());
            return (i, notes: await client.GetFromJsonAsync<string[]>("/notes"));
        }));
        lists.ShouldAllBe(list => list.notes!.Length == (list.i % 2 == 0 ? 1 : 0));
    }

    private async Task<(ChangeBatch Batch, CapturedChange Change)> Next(System.Threading.Channels.ChannelReader<ChangeBatch> changes)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (true)
        {
            if (_waiting.TryDequeue(out var next))
            {
                return next;
            }

            var batch = await changes.ReadAsync(timeout.Token);
            foreach (var change in batch.Changes.Where(change => change.OrgId == _org))
            {
                _waiting.Enqueue((batch, change));
            }
        }
    }

    private readonly Queue<(ChangeBatch, CapturedChange)> _waiting = new();

    private static async Task<int> Run(NpgsqlConnection session, string sql, params object[] values)
    {
        await using var command = new NpgsqlCommand(sql, session);
        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value });
        }

        return await command.ExecuteNonQueryAsync();
    }

    private static async Task<long> Count(NpgsqlConnection session, string sql)
    {
        await using var count = new NpgsqlCommand(sql, session);
        return (long)(await count.ExecuteScalarAsync())!;
    }

    private sealed record Stats(long Captured, long Pending, long Processed, long Failed);
}
