using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using OpsPlatform.ServiceDefaults.Idempotency;
using OpsPlatform.ServiceDefaults.Tests.Sample;
using OpsPlatform.Testing;

namespace OpsPlatform.ServiceDefaults.Tests;

/// <summary>What is kept of an answer, and what is not.</summary>
public sealed class KeptAnswerTests(NotesFixture fixture) : KeyedRequests(fixture)
{
    [Fact]
    public async Task Work_whose_answer_cannot_be_kept_is_undone()
    {
        await using var owner = await Fixture.OpenAs("owner");
        await Run(owner, """
            CREATE FUNCTION refuse_answer() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room'; END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON idempotent_answers FOR EACH ROW EXECUTE FUNCTION refuse_answer();
            """);
        (await Send(Client, "/notes", "k", new { text = "x" })).StatusCode.ShouldBe(HttpStatusCode.InternalServerError);
        await Run(owner, "DROP TRIGGER refuse ON idempotent_answers; DROP FUNCTION refuse_answer");

        (await Notes()).ShouldBeEmpty();
        (await Send(Client, "/notes", "k", new { text = "x" })).StatusCode.ShouldBe(HttpStatusCode.Created);
    }

    [Fact]
    public async Task An_answer_is_looked_for_by_its_key_alone_in_a_plan_for_any()
    {
        await using var owner = await Fixture.OpenAs("owner", Org);
        await Run(owner, $$"""
            ALTER TABLE idempotent_answers NO FORCE ROW LEVEL SECURITY;
            INSERT INTO idempotent_answers (org_id, key_hash, fingerprint, status, headers)
            SELECT '{{Org}}', sha256(n::text::bytea), sha256(''), 201, '{}' FROM generate_series(1, 60000) n;
            ALTER TABLE idempotent_answers FORCE ROW LEVEL SECURITY;
            ANALYZE idempotent_answers
            """);
        await using var app = await Fixture.OpenAs("app", Org);
        await Run(app, $"SET plan_cache_mode = force_generic_plan; PREPARE find (bytea[], interval) AS {AnswerTable.FindSql}");
        await using var explain = new NpgsqlCommand("EXPLAIN EXECUTE find(ARRAY[sha256('1')], '1 day')", app);
        List<string> plan = [];
        await using (var row = await explain.ExecuteReaderAsync())
        {
            while (await row.ReadAsync())
            {
                plan.Add(row.GetString(0));
            }
        }

        await Run(app, "DEALLOCATE find");
        plan.ShouldContain(line => line.Contains("Index Cond: ((org_id = $0) AND (key_hash = ANY ($1)))", StringComparison.Ordinal));
        plan.ShouldNotContain(line => line.Contains("idempotent_answers_created_at", StringComparison.Ordinal));
    }

    [Fact]
    public async Task When_the_answer_to_the_commit_is_lost_it_is_said_that_nobody_knows_and_the_same_key_does_it_once()
    {
        await using var owner = await Fixture.OpenAs("owner");
        await Run(owner, $$"""
            CREATE FUNCTION lose_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER lose AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.org_id = '{{Org}}') EXECUTE FUNCTION lose_commit();
            """);
        var lost = await ShouldBeProblem(await Send(Client, "/notes", "k", new { text = "x" }), 503, "unavailable");
        lost.GetProperty("detail").GetString()!.ShouldStartWith("It is not known whether the request was done. Send the same again");
        await Run(owner, "DROP TRIGGER lose ON notes; DROP FUNCTION lose_commit");

        (await Send(Client, "/notes", "k", new { text = "x" })).StatusCode.ShouldBe(HttpStatusCode.Created);
        (await Notes()).Length.ShouldBe(1);
    }

    [Theory]
    [InlineData(204, true)]
    [InlineData(409, true)]
    [InlineData(422, true)]
    [InlineData(404, false)]
    [InlineData(423, false)]
    public async Task What_was_done_and_what_the_business_refused_is_kept_and_the_rest_judged_anew(int status, bool isKept)
    {
        var id = Guid.NewGuid();
        ((int)(await Send(Client, $"/notes/{id}/ends/{status}", "k")).StatusCode).ShouldBe(status);
        var again = await Send(Client, $"/notes/{id}/ends/{status}", "k");
        ((int)again.StatusCode, IsReplay(again)).ShouldBe((status, isKept));
        // What the handler left uncommitted is undone although the answer is kept.
        (await Notes()).Length.ShouldBe(status == 204 ? 1 : 0);
    }

    [Fact]
    public async Task A_refusal_before_the_work_is_not_kept()
    {
        await ShouldBeProblem(await Send(Client, "/notes", "k", new { text = "" }), 400, "invalid");
        await ShouldBeProblem(await Send(Client, "/notes", "k", new { txet = "x" }), 400, "invalid-body");
        await ShouldBeProblem(await Send(Client, "/notes", "k", new { text = new string('x', 1_100_000) }), 413, "body-too-large");
        using var viewer = Fixture.Client(Org, "viewer", User);
        await ShouldBeProblem(await Send(viewer, "/notes", "k", new { text = "x" }), 403, "forbidden");
        await ShouldBeProblem(await Send(Fixture.Anonymous(), "/notes", "k", new { text = "x" }), 401, "unauthenticated");
        var good = await Send(Client, "/notes", "k", new { text = "x" });
        (good.StatusCode, IsReplay(good)).ShouldBe((HttpStatusCode.Created, false));
    }

    [Fact]
    public async Task After_a_day_the_key_is_free_again_and_the_answer_forgotten()
    {
        await Send(Client, "/notes", "k", new { text = "x" });
        await Send(Client, "/notes", "young", new { text = "y" });
        await Send(Client, "/notes", "younger", new { text = "z" });
        await Change("UPDATE idempotent_answers SET created_at = now() - interval '23 hours 59 minutes'");
        IsReplay(await Send(Client, "/notes", "k", new { text = "x" })).ShouldBeTrue();
        await Change("UPDATE idempotent_answers SET created_at = now() - interval '24 hours 1 second'");
        var anew = await Send(Client, "/notes", "k", new { text = "new" });
        (anew.StatusCode, IsReplay(anew)).ShouldBe((HttpStatusCode.Created, false));
        IsReplay(await Send(Client, "/notes", "k", new { text = "new" })).ShouldBeTrue();

        await using var owner = await Fixture.OpenAs("owner");
        async Task<int> ForgetOne()
        {
            await using var forget = new NpgsqlCommand("SELECT ops_forget_rows(now() - interval '24 hours', 1, 'idempotent_answers', 'created_at')", owner);
            return (int)(await forget.ExecuteScalarAsync())!;
        }

        (await ForgetOne(), await ForgetOne(), await ForgetOne()).ShouldBe((1, 1, 0));
        (await Count("idempotent_answers")).ShouldBe(1);
    }

    [Fact]
    public async Task Old_answers_are_forgotten_five_thousand_at_a_time_until_none_is_left()
    {
        await using var owner = await Fixture.OpenAs("owner", Org);
        await Run(owner, """
            CREATE TABLE pieces (answers bigint NOT NULL);
            CREATE FUNCTION note_piece() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO pieces SELECT count(*) FROM gone HAVING count(*) > 0; RETURN NULL; END $$;
            CREATE TRIGGER note AFTER DELETE ON idempotent_answers REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION note_piece();
            INSERT INTO idempotent_answers (key_hash, fingerprint, status, headers, created_at)
            SELECT sha256(n::text::bytea), sha256(''), 204, '{}', now() - interval '2 days' FROM generate_series(1, 12000) n;
            """);
        await using var starting = await Fixture.StartReplica();
        await using var read = new NpgsqlCommand("SELECT coalesce(array_agg(answers ORDER BY answers DESC), '{}') FROM pieces", owner);
        var pieces = await Eventually.Is(async () => (long[])(await read.ExecuteScalarAsync())!, found => found.Sum() == 12_000);
        pieces.ShouldBe([5_000, 5_000, 2_000]);
        await Run(owner, "DROP TRIGGER note ON idempotent_answers; DROP FUNCTION note_piece; DROP TABLE pieces");
    }

    [Fact]
    public async Task An_answer_too_large_to_keep_is_given_once_and_the_work_still_not_repeated()
    {
        var id = Guid.NewGuid();
        (await (await Send(Client, $"/notes/{id}/large/300000", "k")).Content.ReadAsStringAsync()).Length.ShouldBeGreaterThan(300_000);
        var again = await Send(Client, $"/notes/{id}/large/300000", "k");
        (await ShouldBeProblem(again, 409, "idempotency-answer-not-kept")).GetProperty("location").GetString().ShouldBe($"/notes/{id}");
        IsReplay(again).ShouldBeTrue();
        KeyedNotes.Runs[id].ShouldBe(1);
        (await Send(Client, $"/notes/{Guid.NewGuid()}/large/200000", "fits")).StatusCode.ShouldBe(HttpStatusCode.Created);
    }

    [Fact]
    public async Task A_handler_that_waits_for_others_commits_first_and_repeats_learn_the_end()
    {
        var id = Guid.NewGuid();
        var (begun, letGo) = KeyedNotes.Held[id] = (new(), new());
        var first = Send(Client, $"/notes/{id}/asks", "k");
        await begun.Task;

        (await Notes()).ShouldBe([$"{id}"]);
        var meanwhile = await Send(Client, $"/notes/{id}/asks", "k");
        (meanwhile.StatusCode, IsReplay(meanwhile)).ShouldBe((HttpStatusCode.Accepted, true));
        meanwhile.Headers.Location!.ToString().ShouldBe($"/notes/{id}");
        letGo.SetResult();

        var answer = await first;
        (answer.StatusCode, answer.Headers.Location, answer.Headers.GetValues("Preference-Applied").Single()).ShouldBe((HttpStatusCode.OK, null, "wait=5"));
        var later = await Send(Client, $"/notes/{id}/asks", "k");
        (later.StatusCode, IsReplay(later)).ShouldBe((HttpStatusCode.OK, true));
        (await later.Content.ReadAsStringAsync()).ShouldBe(await answer.Content.ReadAsStringAsync());
        KeyedNotes.Runs[id].ShouldBe(1);
    }

    [Fact]
    public async Task An_endpoint_whose_answer_may_not_be_kept_says_so_and_passes_the_key_over()
    {
        IsReplay(await Send(Client, "/notes/secret", "k")).ShouldBeFalse();
        IsReplay(await Send(Client, "/notes/secret", "k")).ShouldBeFalse();
        (await Count("idempotent_answers")).ShouldBe(0);
        var paths = (await Fixture.Anonymous().GetFromJsonAsync<JsonElement>("/orders/openapi.json")).GetProperty("paths");
        var secret = paths.GetProperty("/notes/secret").GetProperty("post");
        secret.GetProperty("x-no-idempotency-key").GetString().ShouldBe("It holds a secret.");
        secret.TryGetProperty("parameters", out _).ShouldBeFalse();
        IdempotencyDocument.Undeclared(paths).ShouldBeEmpty();
    }
}
