using OpsPlatform.Contracts;

namespace OpsPlatform.Sync.Tests;

public sealed class StreamTests(SyncFixture fixture)
{
    private readonly Guid _org = Guid.NewGuid();

    [Fact]
    public async Task A_stream_from_now_is_ready_at_the_head_and_then_carries_what_comes()
    {
        await fixture.Send(0, SyncFixture.Changes(_org, 3));
        await fixture.Entries(_org, 3);
        using var stream = await fixture.Stream(_org);
        stream.Response.Content.Headers.ContentType!.MediaType.ShouldBe("text/event-stream");
        stream.Response.Headers.CacheControl!.NoStore.ShouldBeTrue();
        stream.Response.Headers.GetValues("X-Accel-Buffering").ShouldBe(["no"]);
        var ready = await stream.Next("ready");
        ready.Id.ShouldBe(3);
        ready.Json.GetProperty("position").GetInt64().ShouldBe(3);

        var change = SyncFixture.Change(_org);
        await fixture.Send(0, change);
        var frame = await stream.Next("change");
        frame.Id.ShouldBe(4);
        frame.EntityId.ShouldBe(change.EntityId);
    }

    [Fact]
    public async Task Entries_that_came_while_nobody_listened_are_read_before_ready()
    {
        var changes = SyncFixture.Changes(_org, 1_500);
        await fixture.Send(0, changes);
        await fixture.Entries(_org, 1_500);
        using var stream = await fixture.Stream(_org, "&after=10");
        for (var position = 11; position <= 1_500; position++)
        {
            var frame = await stream.Next("change");
            frame.Id.ShouldBe(position);
            frame.EntityId.ShouldBe(changes[position - 1].EntityId);
        }

        (await stream.Next("ready")).Id.ShouldBe(1_500);
    }

    [Fact]
    public async Task A_quiet_stream_sends_comments()
    {
        using var stream = await fixture.Stream(_org);
        await stream.Next("ready");
        for (var i = 0; i < 3; i++)
        {
            (await stream.NextOrComment()).ShouldBe(new(SseClient.Comment, null, "keep-alive"));
        }
    }

    [Fact]
    public async Task A_reader_that_drops_a_hundred_times_sees_every_entry_once()
    {
        const int Drops = 100;
        const int PerRound = 5;
        var changes = SyncFixture.Changes(_org, Drops * PerRound);
        List<string> seen = [];
        var writing = Task.Run(async () =>
        {
            foreach (var batch in changes.Chunk(PerRound * 2))
            {
                await fixture.Send(0, batch);
            }
        });
        long last = 0;
        for (var drop = 0; drop < Drops; drop++)
        {
            using var stream = await fixture.Stream(_org, "&after=0", last == 0 ? null : last);
            seen.AddRange(await stream.Take(PerRound));
            last = stream.LastId;
        }

        await writing;
        seen.ShouldBe(changes.Select(c => c.EntityId));
    }

    [Fact]
    public async Task A_stream_opened_while_others_write_misses_nothing_between_the_table_and_live()
    {
        const int Rounds = 60;
        using var stop = new CancellationTokenSource();
        var writing = Enumerable.Range(0, 2).Select(shard => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                await fixture.Send(shard, SyncFixture.Changes(_org, 3));
            }
        })).Append(Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                await fixture.AppendElsewhere(SyncFixture.Changes(_org, 2));
            }
        })).ToArray();
        for (var round = 0; round < Rounds; round++)
        {
            var after = round % 2 == 0 ? "" : $"&after={round * 5}";
            using var stream = await fixture.Stream(_org, after);
            var expected = round % 2 == 0 ? (long?)null : (round * 5) + 1;
            var live = 0;
            var isReady = false;
            while (live < 15)
            {
                var next = (await stream.NextOrEnd()).ShouldNotBeNull();
                if (next.Name == "resume")
                {
                    // The reader itself was too slow for what was written; nothing may be missing up to there.
                    next.Id.ShouldBe(expected - 1);
                    break;
                }

                if (next.Name == "ready")
                {
                    isReady = true;
                    (expected ?? next.Id + 1).ShouldBe(next.Id + 1);
                    expected = next.Id + 1;
                    continue;
                }

                next.Name.ShouldBe("change");
                (expected ?? next.Id).ShouldBe(next.Id);
                expected = next.Id + 1;
                live += isReady ? 1 : 0;
            }
        }

        await stop.CancelAsync();
        await Task.WhenAll(writing);
    }

    [Fact]
    public async Task What_another_replica_appends_reaches_streams_in_order_with_our_own()
    {
        using var stream = await fixture.Stream(_org);
        await stream.Next("ready");
        var changes = SyncFixture.Changes(_org, 40);
        await fixture.AppendElsewhere(changes[..15]);
        (await stream.Take(15)).ShouldBe(changes[..15].Select(c => c.EntityId));

        await fixture.AppendElsewhere(changes[15..25]);
        await fixture.Send(0, changes[25..]);
        (await stream.Take(25)).ShouldBe(changes[15..].Select(c => c.EntityId));
        stream.LastId.ShouldBe(40);
    }

    [Fact]
    public async Task A_filtered_stream_gets_what_it_asked_for_and_its_position_still_advances()
    {
        await fixture.Send(0, SyncFixture.Change(_org, "recipe"), SyncFixture.Change(_org), SyncFixture.Change(_org, "recipe", "recipe_created"));
        await fixture.Entries(_org, 3);
        using var stream = await fixture.Stream(_org, "&after=0&entityType=recipe&entityType=menu_item&eventType=recipe_created");
        (await stream.Next("change")).Id.ShouldBe(3);
        (await stream.Next("ready")).Id.ShouldBe(3);

        await fixture.Send(0, SyncFixture.Changes(_org, 4));
        var position = await stream.Next("position");
        position.Id.ShouldBe(7);
        position.Json.GetProperty("position").GetInt64().ShouldBe(7);

        await fixture.Send(0, SyncFixture.Change(_org), SyncFixture.Change(_org, "menu_item", "recipe_created"));
        (await stream.Next("change")).Id.ShouldBe(9);
    }

    [Fact]
    public async Task A_position_the_feed_never_had_is_answered_with_reset_and_the_stream_goes_on_from_now()
    {
        await fixture.Send(0, SyncFixture.Changes(_org, 2));
        await fixture.Entries(_org, 2);
        using var stream = await fixture.Stream(_org, lastEventId: 50);
        (await stream.Next("reset")).Json.GetProperty("earliest").GetInt64().ShouldBe(1);
        (await stream.Next("ready")).Id.ShouldBe(2);
        await fixture.Send(0, SyncFixture.Change(_org));
        (await stream.Next("change")).Id.ShouldBe(3);
    }

    // Too many for it, or too large though few.
    [Theory]
    [InlineData(2_000, 20_000)]
    [InlineData(150, 400_000)]
    public async Task A_slow_reader_is_told_to_resume_and_misses_nothing_afterwards(int entries, int chars)
    {
        var padding = new string('x', chars);
        CapturedChange[] changes = [.. Enumerable.Range(0, entries).Select(_ => SyncFixture.Change(_org, data: $"{{\"padding\": \"{padding}\"}}"))];
        using var stream = await fixture.Stream(_org);
        await stream.Next("ready");
        foreach (var batch in changes.Chunk(800_000 / chars))
        {
            await fixture.Send(0, batch);
        }

        using var quick = fixture.Client(_org);
        await OpsPlatform.Testing.Eventually.Is(async () =>
        {
            await using var relay = await fixture.OpenAs("relay");
            await using var head = new Npgsql.NpgsqlCommand("SELECT position FROM feed_heads WHERE org_id = $1", relay) { Parameters = { new() { Value = _org } } };
            return await head.ExecuteScalarAsync() is long position && position == entries;
        });

        List<string> seen = [];
        SseEvent? next;
        while ((next = await stream.NextOrEnd())?.Name == "change")
        {
            seen.Add(next.EntityId);
        }

        next.ShouldNotBeNull().Name.ShouldBe("resume");
        next.Id.ShouldBe(seen.Count);
        seen.Count.ShouldBeLessThan(entries);
        (await stream.NextOrEnd()).ShouldBeNull();

        using var again = await fixture.Stream(_org, lastEventId: next.Id);
        seen.AddRange(await again.Take(entries - seen.Count));
        seen.ShouldBe(changes.Select(c => c.EntityId));
    }
}
