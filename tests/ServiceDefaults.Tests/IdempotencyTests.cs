using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Idempotency;
using OpsPlatform.ServiceDefaults.Tests.Sample;
using OpsPlatform.Testing;

namespace OpsPlatform.ServiceDefaults.Tests;

public sealed class IdempotencyTests(NotesFixture fixture) : IClassFixture<NotesFixture>
{
    private readonly Guid _org = Guid.NewGuid();
    private readonly Guid _user = Guid.NewGuid();

    private HttpClient Client => fixture.Client(_org, user: _user);

    [Fact]
    public async Task The_same_request_again_is_answered_alike_and_done_once()
    {
        var placed = await fixture.Broker.Listen<OrderPlaced>();
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
        (await placed.Next(_org, 2)).Select(x => x.Id).Distinct().Count().ShouldBe(2);
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
    public async Task Another_caller_organisation_or_route_has_keys_of_its_own()
    {
        var stranger = Guid.NewGuid();
        var id = Guid.NewGuid();
        (await Send(Client, "/notes", "k", new { text = "x" })).StatusCode.ShouldBe(HttpStatusCode.Created);
        IsReplay(await Send(fixture.Client(_org), "/notes", "k", new { text = "x" })).ShouldBeFalse();
        IsReplay(await Send(fixture.Client(stranger, user: _user), "/notes", "k", new { text = "x" })).ShouldBeFalse();
        IsReplay(await Send(Client, $"/notes/{id}/ends/204", "k")).ShouldBeFalse();
        IsReplay(await Send(fixture.Client(stranger, user: _user), "/notes", "k", new { text = "x" })).ShouldBeTrue();
        (await Notes()).ShouldBe(["x", "x", $"{id}"], ignoreOrder: true);
        (await Count("idempotent_answers")).ShouldBe(3);
        await using var other = await fixture.OpenAs("app", stranger);
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
    public async Task A_key_in_use_in_one_organisation_is_free_in_the_callers_others()
    {
        var (here, there) = (Guid.NewGuid(), Guid.NewGuid());
        var (begun, letGo) = KeyedNotes.Held[here] = (new(), new());
        var first = Send(Client, $"/notes/{here}/held", "k");
        await begun.Task;

        var other = KeyedNotes.Held[there] = (new(), new());
        other.LetGo.SetResult();
        (await Send(fixture.Client(Guid.NewGuid(), user: _user), $"/notes/{there}/held", "k")).StatusCode.ShouldBe(HttpStatusCode.Created);
        letGo.SetResult();
        (await first).StatusCode.ShouldBe(HttpStatusCode.Created);
    }

    [Fact]
    public async Task Work_whose_answer_cannot_be_kept_is_undone()
    {
        await using var owner = await fixture.OpenAs("owner");
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
        using var viewer = fixture.Client(_org, "viewer", _user);
        await ShouldBeProblem(await Send(viewer, "/notes", "k", new { text = "x" }), 403, "forbidden");
        await ShouldBeProblem(await Send(fixture.Anonymous(), "/notes", "k", new { text = "x" }), 401, "unauthenticated");
        var good = await Send(Client, "/notes", "k", new { text = "x" });
        (good.StatusCode, IsReplay(good)).ShouldBe((HttpStatusCode.Created, false));
    }

    [Fact]
    public async Task After_a_day_the_key_is_free_again_and_the_answer_forgotten()
    {
        await Send(Client, "/notes", "k", new { text = "x" });
        await Send(Client, "/notes", "young", new { text = "y" });
        await Change("UPDATE idempotent_answers SET created_at = now() - interval '23 hours 59 minutes'");
        IsReplay(await Send(Client, "/notes", "k", new { text = "x" })).ShouldBeTrue();
        await Change("UPDATE idempotent_answers SET created_at = now() - interval '24 hours 1 second'");
        var anew = await Send(Client, "/notes", "k", new { text = "new" });
        (anew.StatusCode, IsReplay(anew)).ShouldBe((HttpStatusCode.Created, false));
        IsReplay(await Send(Client, "/notes", "k", new { text = "new" })).ShouldBeTrue();

        await using var owner = await fixture.OpenAs("owner");
        await using var forget = new NpgsqlCommand("SELECT ops_forget_answers(now() - interval '24 hours', 5000)", owner);
        ((int)(await forget.ExecuteScalarAsync())!).ShouldBeGreaterThanOrEqualTo(1);
        (await Count("idempotent_answers")).ShouldBe(1);
    }

    [Fact]
    public async Task A_handler_goes_on_after_a_part_of_its_own_failed()
    {
        var answer = await Send(Client, $"/notes/{Guid.NewGuid()}/after-conflict", "k");
        (answer.StatusCode, await answer.Content.ReadAsStringAsync()).ShouldBe((HttpStatusCode.OK, "1"));
        (await Notes()).Length.ShouldBe(1);
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
        var paths = (await fixture.Anonymous().GetFromJsonAsync<JsonElement>("/orders/openapi.json")).GetProperty("paths");
        var secret = paths.GetProperty("/notes/secret").GetProperty("post");
        secret.GetProperty("x-no-idempotency-key").GetString().ShouldBe("It holds a secret.");
        secret.TryGetProperty("parameters", out _).ShouldBeFalse();
        IdempotencyDocument.Undeclared(paths).ShouldBeEmpty();
    }

    private static HttpRequestMessage Request(string path, string key, object? body = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = body is null ? null : JsonContent.Create(body) };
        request.Headers.TryAddWithoutValidation("Idempotency-Key", key);
        return request;
    }

    private static async Task<HttpResponseMessage> Send(HttpClient client, string path, string key, object? body = null)
    {
        using var request = Request(path, key, body);
        return await client.SendAsync(request);
    }

    private static bool IsReplay(HttpResponseMessage answer) => answer.Headers.TryGetValues("Idempotent-Replayed", out var values) && values.Single() == "true";

    private async Task<string[]> Notes() => (await Client.GetFromJsonAsync<string[]>("/notes"))!;

    private async Task Change(string sql)
    {
        await using var connection = await fixture.OpenAs("app", _org);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task Run(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private async Task<long> Count(string table, NpgsqlConnection? seenBy = null)
    {
        await using var connection = await fixture.OpenAs("app", _org);
        await using var count = new NpgsqlCommand($"SELECT count(*) FROM {table}", seenBy ?? connection);
        return (long)(await count.ExecuteScalarAsync())!;
    }

    private static async Task<JsonElement> ShouldBeProblem(HttpResponseMessage response, int status, string slug)
    {
        ((int)response.StatusCode).ShouldBe(status, await response.Content.ReadAsStringAsync());
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        problem.GetProperty("type").GetString().ShouldBe($"https://opsplatform.dev/problems/{slug}");
        return problem;
    }
}
