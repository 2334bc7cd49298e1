using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using OpsPlatform.Contracts;

namespace OpsPlatform.OperationTracking.Tests;

/// <summary>Policies that can be asked for, and those that cannot.</summary>
public sealed class PolicyCheckTests(OperationsFixture service)
{
    private readonly Board _board = service.Board();

    [Fact]
    public async Task A_policy_that_the_members_can_satisfy_is_said_to_be()
    {
        _board.Member();
        _board.Member("owner");
        var (status, body) = await Check(new { policy = new { groups = new[] { new { name = "managers", votes = 1, roles = new[] { "admin" } } } } });
        (status, body.GetProperty("isSatisfiable").GetBoolean()).ShouldBe((HttpStatusCode.OK, true));
        (body.GetProperty("groups")[0].Text("name"), body.GetProperty("groups")[0].Number("canStillVote")).ShouldBe(("managers", 1));
    }

    [Fact]
    public async Task A_group_that_has_too_few_is_named_with_what_to_do()
    {
        var ada = _board.Member();
        var policy = new
        {
            groups = new[] { new { name = "managers", votes = 1, roles = new[] { "admin" } } },
            levels = new[] { new { groups = new[] { new { name = "many", votes = 3, roles = new[] { "admin" } } }, money = 100 } },
        };
        (await Check(new { policy, money = 99.5 })).Status.ShouldBe(HttpStatusCode.OK);
        var (status, body) = await Check(new { policy, money = 100 });
        (status, body.Problem()).ShouldBe((HttpStatusCode.UnprocessableEntity, "policy-unsatisfiable"));
        body.Text("detail").ShouldBe("The group many needs 3 votes and has 1 who may vote: 2 lacking. Give more members a role of the group, name more users, or let fewer votes be enough.");
        var lacking = body.GetProperty("groups").EnumerateArray().Single();
        (lacking.Text("name"), lacking.Number("needed"), lacking.Number("members"), lacking.Number("lacking")).ShouldBe(("many", 3, 1, 2));
        // Whose operation it is does not count.
        (await Check(new { policy, userId = ada })).Status.ShouldBe(HttpStatusCode.UnprocessableEntity);
    }

    [Fact]
    public async Task A_service_may_ask_for_the_organisation_it_acts_for_and_for_none_is_refused()
    {
        _board.Member();
        var body = new { policy = new { groups = new[] { new { name = "managers", votes = 1, roles = new[] { "admin" } } } } };
        using var inventory = service.ServiceClient("inventory", _board.Desk.Org);
        (await Check(body, inventory)).Status.ShouldBe(HttpStatusCode.OK);
        using var elsewhere = service.ServiceClient("inventory", Guid.NewGuid());
        (await Check(body, elsewhere)).Status.ShouldBe(HttpStatusCode.UnprocessableEntity);
        using var itself = service.ServiceClient("inventory");
        (await Check(body, itself)).Status.ShouldBe(HttpStatusCode.Forbidden);
        using var nobody = service.Anonymous();
        (await Check(body, nobody)).Status.ShouldBe(HttpStatusCode.Unauthorized);
    }

    [Theory]
    [InlineData("""{"groups": []}""", "policy.groups")]
    [InlineData("""{"groups": [null]}""", "policy.groups[0]")]
    [InlineData("""{"groups": [{"name": "a", "votes": 0, "roles": ["admin"]}]}""", "policy.groups[0].votes")]
    [InlineData("""{"groups": [{"name": "a", "votes": 1}]}""", "policy.groups[0]")]
    [InlineData("""{"groups": [{"name": "a", "votes": 1, "roles": ["king"]}]}""", "policy.groups[0].roles")]
    [InlineData("""{"groups": [{"name": "a\u0000", "votes": 1, "roles": ["admin"]}]}""", "policy.groups[0].name")]
    [InlineData("""{"groups": [{"name": "a", "votes": 1, "roles": ["admin"]}], "deadlineMinutes": 0}""", "policy.deadlineMinutes")]
    [InlineData("""{"groups": [{"name": "a", "votes": 1, "roles": ["admin"]}], "deadlineMinutes": 9, "escalationMinutes": 10, "escalateTo": {"name": "b", "votes": 1, "roles": ["owner"]}}""", "policy.escalationMinutes")]
    public async Task A_malformed_policy_is_refused_with_the_place(string policy, string path)
    {
        var (status, body) = await Check(new { policy = JsonElement.Parse(policy) });
        status.ShouldBe(HttpStatusCode.BadRequest, body.ToString());
        body.GetProperty("errors").EnumerateObject().Select(x => x.Name).ShouldContain(path);
    }

    [Fact]
    public async Task An_operation_whose_policy_nobody_can_satisfy_is_denied_as_soon_as_it_is_heard_of()
    {
        var heard = await service.Broker.Listen<OperationDenied>();
        _board.Member();
        var id = await Started(Board.Policy(Board.Managers(2)));
        await _board.Shows(id, "denied");
        var told = (await heard.Next(_board.Desk.Org)).Message;
        (told.OperationId, told.Service, told.Outcome).ShouldBe((id, "orders", "denied"));
        told.Reason.ShouldStartWith("The group managers needs 2 votes and has 1 who may vote: 1 lacking.");
        (await _board.Desk.Get(id)).Text("errorMessage").ShouldBe(told.Reason);
    }

    [Fact]
    public async Task Who_joined_just_before_is_among_those_who_can_agree()
    {
        for (var members = 1; members <= 10; members++)
        {
            var member = _board.Member();
            (await _board.Vote(await Started(Board.Policy(Board.Managers(members))), member)).Status.ShouldNotBe(HttpStatusCode.Conflict);
            var policy = new { groups = new[] { new { name = "managers", votes = members, roles = new[] { "admin" } } } };
            (await Check(new { policy })).Status.ShouldBe(HttpStatusCode.OK);
        }
    }

    public static TheoryData<ApprovalPolicy> Malformed =>
    [
        default(ApprovalPolicy)!, new ApprovalPolicy([]), new ApprovalPolicy(null!), new ApprovalPolicy([null!]), Board.Policy(Board.Managers(0)), Board.Policy(new ApprovalGroup("a\0", 1, ["admin"])),
        Board.Policy(Board.Managers()) with { DeadlineMinutes = int.MinValue }, Board.Policy(Board.Managers()) with { DeadlineMinutes = int.MaxValue },
    ];

    [Theory]
    [MemberData(nameof(Malformed))]
    public async Task An_operation_whose_policy_is_none_is_denied_with_what_is_wrong(ApprovalPolicy policy)
    {
        var ada = _board.Member();
        var id = await Started(policy);
        await _board.Shows(id, "denied");
        (await _board.Approval(id)).GetProperty("groups").GetArrayLength().ShouldBe(0);
        await _board.IsRefused(id, ada, HttpStatusCode.Forbidden, "may-not-vote");
        (await _board.Desk.Get(id)).Text("errorMessage").ShouldStartWith("Its policy cannot be asked for. ");
        (await _board.Desk.Story(id)).ShouldBe(["started", "approval_asked", "denied"]);
    }

    [Fact]
    public async Task An_effect_that_no_answer_could_show_is_left_out()
    {
        var ada = _board.Member();
        var id = (await _board.Asked(Board.Plan(Board.Policy(Board.Managers()), "d\0" + new string('x', 300), $$"""{"x": "{{new string('x', 20_000)}}"}"""))).OperationId;
        var shown = await _board.Approval(id, ada);
        shown.GetProperty("effect").EnumerateObject().ShouldBeEmpty();
        await _board.Votes(id, ada, digest: shown.Text("digest"));
    }

    private async Task<Guid> Started(ApprovalPolicy policy)
    {
        var operation = _board.Desk.Operation(change: x => x with { Plan = Board.Plan(policy) });
        await _board.Desk.Say(operation);
        return operation.OperationId;
    }

    private async Task<(HttpStatusCode Status, JsonElement Body)> Check(object body, HttpClient? client = null)
    {
        using var own = client is null ? _board.Desk.Client() : null;
        using var answer = await (client ?? own!).PostAsJsonAsync("/operations/policies/check", body);
        var text = await answer.Content.ReadAsStringAsync();
        return (answer.StatusCode, text.Length == 0 ? default : JsonDocument.Parse(text).RootElement);
    }
}
