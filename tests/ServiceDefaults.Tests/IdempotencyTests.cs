using System.Net;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Idempotency;
using OpsPlatform.ServiceDefaults.Tests.Sample;
using OpsPlatform.Testing;

namespace OpsPlatform.ServiceDefaults.Tests;

public sealed class IdempotencyTests(NotesFixture fixture) : KeyedRequests(fixture)
{
    [Fact]
    public async Task The_same_request_again_is_answered_alike_and_done_once()
    {
        var placed = await Fixture.Broker.Listen<OrderPlaced>();
        var first = await Send(Client, "/notes", "a-key", new { text = "once" });
        await Change("UPDATE notes SET text = 'changed since'");
        var again = await Send(Client, "/notes", "a-key", new { text = "once" });

        first.StatusCode.ShouldBe(HttpStatusCode.Created);
        IsReplay(first).ShouldBeFalse();
        IsReplay(again).ShouldBeTrue();
        again.StatusCode.ShouldBe(HttpStatusCode.Created);
        again.Headers.Location.ShouldBe(first.Headers.Location);
        again.Content.Headers.ContentType.ShouldBe(first.Content.Headers.ContentType);
        (await again.Content.ReadAsStringAsync()).ShouldBe(await first.Content.ReadAsStringAsync());
        (await Notes()).ShouldBe(["changed since"]);
        await Send(Client, "/notes", "another", new { text = "after" });
        (await placed.Next(Org, 2)).Select(x => x.Id).Distinct().Count().ShouldBe(2);
    }

    [Theory]
    [InlineData("\"k-1\"", "k-1")]
    [InlineData("\"a \\\"b\\\\\"", "\"a \\\"b\\\\\"")]
    [InlineData("with space, comma", "\"with space, comma\"")]
    public async Task A_quoted_key_and_the_same_bare_are_one(string first, string second)
    {
        await Send(Client, "/notes", first, new { text = "x" });
        IsReplay(await Send(Client, "/notes", second, new { text = "x" })).ShouldBeTrue();
    }

    public static TheoryData<string> BadKeys => ["", "\"\"", "\"open", "\"a\" b", "\"a\\x\"", "tab\there", new string('x', 256), $"\"{new string('x', 256)}\""];

    [Theory]
    [MemberData(nameof(BadKeys))]
    public async Task A_key_that_is_none_is_refused_and_nothing_is_done(string key)
    {
        var answer = await Send(Client, "/notes", key, new { text = "x" });
        await ShouldBeProblem(answer, 400, "idempotency-key-invalid");
        (await Notes()).ShouldBeEmpty();
    }

    [Fact]
    public async Task Two_keys_or_other_than_ASCII_are_no_key_and_the_longest_key_is_one()
    {
        IdempotencyKey.Read(new(["one", "two"])).ShouldBeNull();
        IdempotencyKey.Read("schlüssel").ShouldBeNull();
        IdempotencyKey.Read("a\u007f").ShouldBeNull();
        (await Send(Client, "/notes", new string('~', 255), new { text = "x" })).StatusCode.ShouldBe(HttpStatusCode.Created);
    }

    [Fact]
    public async Task Another_body_query_or_path_under_the_same_key_is_refused_and_not_done()
    {
        var id = Guid.NewGuid();
        await Send(Client, "/notes", "k", new { text = "x" });
        await ShouldBeProblem(await Send(Client, "/notes", "k", new { text = "y" }), 422, "idempotency-key-reused");
        await ShouldBeProblem(await Send(Client, "/notes?a=1", "k", new { text = "x" }), 422, "idempotency-key-reused");
        await Send(Client, $"/notes/{id}/ends/204", "k");
        await ShouldBeProblem(await Send(Client, $"/notes/{Guid.NewGuid()}/ends/204", "k"), 422, "idempotency-key-reused");
        (await Notes()).ShouldBe(["x", $"{id}"], ignoreOrder: true);
    }

    [Fact]
    public async Task Another_callerOrganisation_or_route_has_keys_of_its_own()
    {
        var stranger = Guid.NewGuid();
        var id = Guid.NewGuid();
        (await Send(Client, "/notes", "k", new { text = "x" })).StatusCode.ShouldBe(HttpStatusCode.Created);
        IsReplay(await Send(Fixture.Client(Org), "/notes", "k", new { text = "x" })).ShouldBeFalse();
        IsReplay(await Send(Fixture.Client(stranger, user: User), "/notes", "k", new { text = "x" })).ShouldBeFalse();
        IsReplay(await Send(Client, $"/notes/{id}/ends/204", "k")).ShouldBeFalse();
        IsReplay(await Send(Fixture.Client(stranger, user: User), "/notes", "k", new { text = "x" })).ShouldBeTrue();
        (await Notes()).ShouldBe(["x", "x", $"{id}"], ignoreOrder: true);
        (await Count("idempotent_answers")).ShouldBe(3);
        await using var other = await Fixture.OpenAs("app", stranger);
        (await Count("idempotent_answers", other)).ShouldBe(1);
    }

    [Fact]
    public async Task While_the_first_is_at_work_a_repeat_is_told_to_come_again()
    {
        var id = Guid.NewGuid();
        var (begun, letGo) = KeyedNotes.Held[id] = (new(), new());
        var first = Send(Client, $"/notes/{id}/held", "k");
        await begun.Task;

        var early = await Send(Client, $"/notes/{id}/held", "k");
        await ShouldBeProblem(early, 409, "idempotency-in-progress");
        early.Headers.RetryAfter!.Delta.ShouldBe(TimeSpan.FromSeconds(1));
        letGo.SetResult();

        (await first).StatusCode.ShouldBe(HttpStatusCode.Created);
        IsReplay(await Send(Client, $"/notes/{id}/held", "k")).ShouldBeTrue();
        KeyedNotes.Runs[id].ShouldBe(1);
    }

    [Fact]
    public async Task A_key_in_use_in_oneOrganisation_is_free_in_the_callers_others()
    {
        var (here, there) = (Guid.NewGuid(), Guid.NewGuid());
        var (begun, letGo) = KeyedNotes.Held[here] = (new(), new());
        var first = Send(Client, $"/notes/{here}/held", "k");
        await begun.Task;

        var other = KeyedNotes.Held[there] = (new(), new());
        other.LetGo.SetResult();
        (await Send(Fixture.Client(Guid.NewGuid(), user: User), $"/notes/{there}/held", "k")).StatusCode.ShouldBe(HttpStatusCode.Created);
        letGo.SetResult();
        (await first).StatusCode.ShouldBe(HttpStatusCode.Created);
    }

    [Fact]
    public async Task Of_many_at_once_one_works()
    {
        for (var round = 0; round < 20; round++)
        {
            var key = $"round {round}";
            var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Send(Client, "/notes", key, new { text = key })));
            answers.Count(answer => answer.StatusCode == HttpStatusCode.Created && !IsReplay(answer)).ShouldBe(1);
            answers.ShouldAllBe(answer => answer.StatusCode == HttpStatusCode.Created || answer.StatusCode == HttpStatusCode.Conflict);
            (await Notes()).Count(text => text == key).ShouldBe(1);
        }
    }

    /// <summary>A look before the key is held would not see what its last holder committed. Here the first look takes until another request has been answered.</summary>
    [Fact]
    public async Task What_was_kept_is_looked_up_while_the_key_is_held_and_not_before()
    {
        // An expired answer is there so that the look meets a row, and with it the policy.
        await Send(Client, "/notes", "k", new { text = "long ago" });
        await Change("UPDATE idempotent_answers SET created_at = now() - interval '2 days'");
        await using var owner = await Fixture.OpenAs("owner");
        await Run(owner, """
            CREATE SEQUENCE lookups;
            CREATE FUNCTION hold_the_first() RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER COST 0.000001 AS $$
            BEGIN
              IF nextval('lookups') = 1 THEN PERFORM pg_advisory_xact_lock_shared(4711); END IF;
              RETURN true;
            END $$;
            CREATE POLICY hold ON idempotent_answers AS RESTRICTIVE FOR SELECT USING (hold_the_first());
            SELECT pg_advisory_lock(4711);
            """);
        var looking = Send(Client, "/notes", "k", new { text = "once" });
        await Eventually.Is(async () => await Count("pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())") == 1);
        var meanwhile = await Send(Client, "/notes", "k", new { text = "once" });
        await Run(owner, "SELECT pg_advisory_unlock(4711)");
        var looked = await looking;
        await Run(owner, "DROP POLICY hold ON idempotent_answers; DROP FUNCTION hold_the_first; DROP SEQUENCE lookups");

        await ShouldBeProblem(meanwhile, 409, "idempotency-in-progress");
        looked.StatusCode.ShouldBe(HttpStatusCode.Created);
        (await Notes()).ShouldBe(["long ago", "once"], ignoreOrder: true);
    }

    [Fact]
    public async Task A_fault_undoes_the_work_and_the_same_key_may_try_again()
    {
        var id = Guid.NewGuid();
        (await Send(Client, $"/notes/{id}/broken", "k")).StatusCode.ShouldBe(HttpStatusCode.InternalServerError);
        var again = await Send(Client, $"/notes/{id}/broken", "k");
        (again.StatusCode, IsReplay(again)).ShouldBe((HttpStatusCode.InternalServerError, false));
        // Written and committed by the handler, which then answered a fault.
        (await Send(Client, $"/notes/{id}/ends/503", "k")).StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        (await Notes()).ShouldBeEmpty();
        (await Count("idempotent_answers")).ShouldBe(0);
    }

    [Fact]
    public async Task A_connection_lost_before_the_commit_leaves_nothing_and_the_retry_works()
    {
        var id = Guid.NewGuid();
        (await Send(Client, $"/notes/{id}/killed-once", "k")).StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        ((await Notes()).Length, await Count("idempotent_answers")).ShouldBe((0, 0));
        (await Send(Client, $"/notes/{id}/killed-once", "k")).StatusCode.ShouldBe(HttpStatusCode.Created);
        IsReplay(await Send(Client, $"/notes/{id}/killed-once", "k")).ShouldBeTrue();
        (await Notes()).ShouldBe([$"{id}"]);
    }

    [Fact]
    public async Task A_handler_goes_on_after_a_part_of_its_own_failed()
    {
        var answer = await Send(Client, $"/notes/{Guid.NewGuid()}/after-conflict", "k");
        (answer.StatusCode, await answer.Content.ReadAsStringAsync()).ShouldBe((HttpStatusCode.OK, "1"));
        (await Notes()).Length.ShouldBe(1);
    }
}
