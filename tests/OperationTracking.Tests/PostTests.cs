using System.Net;
using System.Text;
using static OpsPlatform.OperationTracking.Tests.Posting;

namespace OpsPlatform.OperationTracking.Tests;

public sealed class PostTests(OperationsFixture service)
{
    private readonly Desk _desk = service.Desk();

    [Fact]
    public async Task What_is_posted_is_its_callers_and_waits_to_be_begun()
    {
        var id = Guid.NewGuid();
        var (status, body, answer) = await _desk.Send("/operations", Asked(
            ("operationId", id), ("entityType", "shop"), ("entityId", "s-1"), ("steps", new[] { new { name = "Count", weight = 3 }, new { name = "Sum", weight = 1 } }),
            ("context", new { aisle = 7 }), ("tags", new[] { "monthly" }), ("maxAttempts", 2)));
        status.ShouldBe(HttpStatusCode.Accepted);
        answer.Headers.Location!.ToString().ShouldBe($"/operations/{id}");
        answer.Headers.GetValues("Operation-Location").ShouldBe([$"/operations/{id}/status"]);
        answer.Headers.RetryAfter!.Delta.ShouldBe(TimeSpan.FromSeconds(1));
        body.Text("status").ShouldBe("queued");
        body.Text("userId").ShouldBe(_desk.User.ToString());
        body.Text("service").ShouldBe("caller");
        body.Text("operationType").ShouldBe("shop.count");
        body.Text("entityId").ShouldBe("s-1");
        body.GetProperty("context").Number("aisle").ShouldBe(7);
        body.GetProperty("tags")[0].GetString().ShouldBe("monthly");
        body.Number("totalSteps").ShouldBe(2);
        body.Number("maxAttempts").ShouldBe(2);
        (await _desk.Get(id)).Text("version").ShouldBe(body.Text("version"));
        (await _desk.Get("/operations?tag=monthly")).GetProperty("items").GetArrayLength().ShouldBe(1);
        (await _desk.Story(id)).ShouldBe(["started"]);
    }

    [Fact]
    public async Task With_nothing_but_a_type_and_a_name_it_is_one_step_of_work_and_one_attempt()
    {
        var shown = await _desk.Get(await _desk.Post());
        shown.Number("totalSteps").ShouldBe(1);
        shown.Number("maxAttempts").ShouldBe(1);
    }

    [Fact]
    public async Task With_a_plan_it_waits_for_approval_and_cannot_be_begun()
    {
        var plan = new { digest = "d-1", effect = new { deletes = "all" }, policy = new { groups = new[] { new { name = "Admins", votes = 1, roles = new[] { "admin" } } } }, records = 7 };
        (await _desk.Refused("/operations", Asked(("plan", plan)), HttpStatusCode.UnprocessableEntity)).ShouldBe("policy-unsatisfiable");
        var admin = Guid.NewGuid();
        service.Identity.Join(_desk.Org, admin, "admin", "Ada");

        var id = await _desk.Post(("plan", plan));
        (await _desk.Get(id)).Text("status").ShouldBe("waiting_for_approval");
        (await _desk.Refused($"/operations/{id}/begin", new { }, HttpStatusCode.Conflict)).ShouldBe("not-approved");
        (await _desk.Story(id)).ShouldBe(["started", "approval_asked"]);

        using var voter = _desk.Client("admin", admin);
        (await _desk.Send($"/operations/{id}/votes", new { decision = "approve", digest = "d-1" }, voter)).Status.ShouldBe(HttpStatusCode.OK);
        await _desk.Done($"/operations/{id}/begin", new { });
        (await _desk.Get(id)).Text("status").ShouldBe("in_progress");
    }

    [Fact]
    public async Task The_same_again_under_the_same_id_is_the_one_that_is_there_and_another_is_refused()
    {
        var body = Asked(("operationId", Guid.NewGuid()), ("context", new { a = 1 }));
        var first = await _desk.Done("/operations", body);
        var second = await _desk.Done("/operations", body);
        second.Text("operationId").ShouldBe(first.Text("operationId"));
        (await _desk.Story(first.GetProperty("operationId").GetGuid())).ShouldBe(["started"]);

        (await _desk.Refused("/operations", new Dictionary<string, object?>(body) { ["context"] = new { a = 2 } }, HttpStatusCode.Conflict)).ShouldBe("operation-exists");
        using var colleague = _desk.Client("staff", Guid.NewGuid());
        (await _desk.Refused("/operations", body, HttpStatusCode.Conflict, colleague)).ShouldBe("operation-exists");
        var services = await _desk.Started();
        (await _desk.Refused("/operations", Asked(("operationId", services.OperationId)), HttpStatusCode.Conflict)).ShouldBe("operation-exists");
    }

    [Fact]
    public async Task Another_organisation_may_use_the_same_id()
    {
        var body = Asked(("operationId", Guid.NewGuid()));
        await _desk.Done("/operations", body);
        using var stranger = service.Client(Guid.NewGuid());
        (await _desk.Send("/operations", Asked(("operationId", body["operationId"]), ("displayName", "Theirs")), stranger)).Status.ShouldBe(HttpStatusCode.Accepted);
    }

    [Fact]
    public async Task Posted_many_times_at_once_it_is_there_once()
    {
        var body = Asked(("operationId", Guid.NewGuid()));
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => _desk.Send("/operations", body)));
        answers.ShouldAllBe(x => x.Status == HttpStatusCode.Accepted);
        (await _desk.Get("/operations")).GetProperty("items").GetArrayLength().ShouldBe(1);
        (await _desk.Story((Guid)body["operationId"]!)).ShouldBe(["started"]);
    }

    [Fact]
    public async Task With_the_same_key_it_is_posted_once_and_answered_the_same_with_where_to_follow_it()
    {
        var first = await _desk.Send("/operations", Asked(), key: "k-1");
        var second = await _desk.Send("/operations", Asked(), key: "k-1");
        second.Status.ShouldBe(HttpStatusCode.Accepted);
        second.Body.ToString().ShouldBe(first.Body.ToString());
        second.Answer.Headers.GetValues("Idempotent-Replayed").ShouldBe(["true"]);
        second.Answer.Headers.GetValues("Operation-Location").ShouldBe(first.Answer.Headers.GetValues("Operation-Location"));
        second.Answer.Headers.RetryAfter!.Delta.ShouldBe(TimeSpan.FromSeconds(1));
        (await _desk.Get("/operations")).GetProperty("items").GetArrayLength().ShouldBe(1);
    }

    [Fact]
    public async Task Validated_only_it_is_not_stored()
    {
        var answer = await _desk.Send("/operations", Asked(("validateOnly", true)));
        answer.Status.ShouldBe(HttpStatusCode.OK);
        answer.Body.GetProperty("isValid").GetBoolean().ShouldBeTrue();
        (await _desk.Refused("/operations", Asked(("validateOnly", true), ("operationType", "no")), HttpStatusCode.BadRequest)).ShouldBe("invalid");
        (await _desk.Get("/operations")).GetProperty("items").GetArrayLength().ShouldBe(0);
    }

    public static TheoryData<string, string> Hostile => new()
    {
        { "operationType", "\"count\"" },
        { "operationType", "\"Shop.count\"" },
        { "operationType", "\"shop.\"" },
        { "operationType", "\"shop.count\\n\"" },
        { "displayName", "\"\"" },
        { "displayName", "\"a\\u0000b\"" },
        { "displayName", "\"\\ud800\"" },
        { "displayName", $"\"{new string('x', 501)}\"" },
        { "entityType", "\"shop\"" },
        { "steps", "[]" },
        { "steps", "[null]" },
        { "steps", "[{\"name\":\"a\",\"weight\":0}]" },
        { "steps", "[{\"name\":\"\",\"weight\":1}]" },
        { "steps", "[{\"name\":\"a\",\"weight\":1e308},{\"name\":\"b\",\"weight\":1e308}]" },
        { "steps", $"[{string.Join(',', Enumerable.Repeat("{\"name\":\"a\",\"weight\":1}", 201))}]" },
        { "context", "[1]" },
        { "context", "{\"a\":\"\\u0000\"}" },
        { "context", "{\"a\":\"\\ud800\"}" },
        { "context", "{\"\\ud800\":1}" },
        { "context", "{\"a\":1e999999}" },
        { "context", "{\"a\":1e-99999}" },
        { "context", $"{{\"a\":1{new string('0', 200)}}}" },
        { "context", $"{{\"a\":\"{new string('x', 16 * 1024)}\"}}" },
        { "context", string.Concat(Enumerable.Repeat("{\"a\":", 11)) + "1" + new string('}', 11) },
        { "tags", "[null]" },
        { "tags", "[\"\"]" },
        { "tags", $"[\"{new string('x', 101)}\"]" },
        { "tags", $"[{string.Join(',', Enumerable.Repeat("\"a\"", 51))}]" },
        { "operationId", "\"00000000-0000-0000-0000-000000000000\"" },
        { "operationId", "\"1\"" },
        { "maxAttempts", "0" },
        { "maxAttempts", "21" },
        { "silentForSeconds", "9" },
        { "startWithinSeconds", "0" },
        { "endWithinSeconds", "-1" },
        { "endWithinSeconds", "99999999999" },
        { "plan", "{\"digest\":\"d\",\"effect\":[],\"policy\":{\"groups\":[{\"name\":\"a\",\"votes\":1}]}}" },
        { "plan", "{\"digest\":\"d\",\"effect\":{},\"policy\":{\"groups\":[]}}" },
        { "plan", "{\"digest\":\"d\",\"effect\":{},\"policy\":{\"groups\":[null]}}" },
        { "plan", "{\"digest\":\"d\",\"effect\":{},\"policy\":{\"groups\":[{\"name\":\"a\",\"votes\":0}]}}" },
        { "plan", "{\"digest\":\"d\",\"effect\":{},\"policy\":{\"groups\":[{\"name\":\"a\",\"votes\":1,\"users\":[\"a\\u0000\"]}]}}" },
        { "plan", "{\"digest\":\"d\",\"effect\":{},\"policy\":{\"groups\":[{\"name\":\"a\",\"votes\":1}],\"levels\":[{\"groups\":[]}]}}" },
        { "plan", "{\"digest\":\"d\",\"effect\":{},\"policy\":{\"groups\":[{\"name\":\"a\",\"votes\":1}],\"deadlineMinutes\":0}}" },
        { "surprise", "1" },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public async Task What_is_no_operation_is_refused_and_not_stored(string name, string json)
    {
        var members = new Dictionary<string, string> { ["operationType"] = "\"shop.count\"", ["displayName"] = "\"Count\"", [name] = json };
        using var body = new StringContent($"{{{string.Join(',', members.Select(x => $"\"{x.Key}\":{x.Value}"))}}}", Encoding.UTF8, "application/json");
        var (status, problem, _) = await _desk.Send("/operations", body);
        status.ShouldBe(HttpStatusCode.BadRequest, problem.ToString());
        problem.Problem().ShouldStartWith("invalid");
        (await _desk.Get("/operations")).GetProperty("items").GetArrayLength().ShouldBe(0);
    }

    [Fact]
    public async Task An_organisation_has_so_many_open_at_a_time()
    {
        var template = await _desk.Post();
        await _desk.Execute($"""
            INSERT INTO operations (id, operation_type, service, display_name, user_id, total_steps, steps, max_attempts, queued_at, cause_since)
            SELECT gen_random_uuid(), operation_type, service, display_name, user_id, total_steps, steps, max_attempts, queued_at, cause_since
            FROM operations, generate_series(1, 9998) WHERE id = '{template}'
            """);
        var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => _desk.Send("/operations", Asked())));
        answers.Count(x => x.Status == HttpStatusCode.Accepted).ShouldBe(1);
        var (status, problem, answer) = await _desk.Send("/operations", Asked());
        status.ShouldBe(HttpStatusCode.TooManyRequests);
        problem.Problem().ShouldBe("too-many-operations");
        answer.Headers.RetryAfter.ShouldNotBeNull();
        (await _desk.Cancel(template)).Status.ShouldBe(HttpStatusCode.Accepted);
        await _desk.Post();
    }
}
