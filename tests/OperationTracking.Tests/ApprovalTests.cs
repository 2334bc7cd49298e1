using System.Net;
using OpsPlatform.Contracts;

namespace OpsPlatform.OperationTracking.Tests;

public sealed class ApprovalTests(OperationsFixture service)
{
    private readonly Board _board = service.Board();

    [Fact]
    public async Task The_last_vote_needed_approves_it_and_its_service_is_told()
    {
        var heard = await service.Broker.Listen<OperationApproved>();
        var (ada, bo) = (_board.Member(name: "Ada"), _board.Member(name: "Bo"));
        var id = (await _board.Asked(Board.Managers(2))).OperationId;
        (await _board.Votes(id, ada)).GetProperty("operation").GetProperty("approval").Text("needed").ShouldBe("1 of 2 from managers");
        (await _board.WaitingFor(ada)).ShouldBeEmpty();
        (await _board.WaitingFor(bo)).ShouldBe([id]);

        var decided = await _board.Votes(id, bo, reason: "Fine.");
        decided.GetProperty("operation").Text("status").ShouldBe("approved");
        decided.GetProperty("mayVote").GetBoolean().ShouldBeFalse();
        decided.Text("whyNot").ShouldBe("It is decided: the operation is approved.");
        (await heard.Next(_board.Desk.Org)).Message.ShouldBe(new OperationApproved(id, "orders", Board.Digest));
        (await _board.Desk.Story(id)).ShouldBe(["started", "approval_asked", "voted", "voted", "approved"]);
        var details = (await _board.Details(id, "voted"))[1];
        (details.Text("voter"), details.Text("voterName"), details.Text("decision"), details.Text("reason"), details.Text("digest"))
            .ShouldBe((bo.ToString(), "Bo", "approve", "Fine.", Board.Digest));
        details.GetProperty("groups").EnumerateArray().Single().GetString().ShouldBe("managers");
        (await _board.Details(id, "approved")).Single().Text("voter").ShouldBe(bo.ToString());
    }

    [Fact]
    public async Task A_voter_is_shown_the_plan_the_groups_and_the_votes()
    {
        var (ada, bo) = (_board.Member(name: "Ada"), _board.Member(name: "Bo"));
        var id = (await _board.Asked(Board.Managers(2), new("others", 1, Users: [ada.ToString()]))).OperationId;
        await _board.Votes(id, ada, "approve", "Yes.");
        var shown = await _board.Approval(id, bo);
        (shown.Text("digest"), shown.Number("records"), shown.Number("money"), shown.Number("deletions")).ShouldBe((Board.Digest, 3, 10, 1));
        shown.GetProperty("effect").GetProperty("lines")[0].Text("item").ShouldBe("flour");
        shown.GetProperty("operation").Text("displayName").ShouldBe("Export of orders");
        shown.GetProperty("mayVote").GetBoolean().ShouldBeTrue();
        shown.IsNull("changes").ShouldBeTrue();
        shown.GetProperty("groups").EnumerateArray().Select(x => (x.Text("name"), x.Number("needed"), x.Number("yes"), x.Number("no"), x.Number("canStillVote")))
            .ShouldBe([("managers", 2, 1, 0, 1), ("others", 1, 1, 0, 0)]);
        var vote = shown.GetProperty("votes").EnumerateArray().Single();
        (vote.Text("voter"), vote.Text("name"), vote.Text("decision"), vote.Text("reason"), vote.GetProperty("isLapsed").GetBoolean()).ShouldBe((ada.ToString(), "Ada", "approve", "Yes.", false));
        (await _board.Approval(id)).GetProperty("mayVote").GetBoolean().ShouldBeFalse();
    }

    [Fact]
    public async Task A_refusal_that_leaves_too_few_denies_it_with_its_reason()
    {
        var heard = await service.Broker.Listen<OperationDenied>();
        var ada = _board.Member();
        var id = (await _board.Asked(Board.Managers())).OperationId;
        await _board.Votes(id, ada, "deny", "Wrong month.");
        (await heard.Next(_board.Desk.Org)).Message.ShouldBe(new OperationDenied(id, "orders", "denied", "managers cannot reach 1 any more, for Ada refused: Wrong month."));
        var ended = await _board.Desk.Get(id);
        (ended.Text("status"), ended.Text("errorMessage"), ended.IsNull("completedAt")).ShouldBe(("denied", "managers cannot reach 1 any more, for Ada refused: Wrong month.", false));
        (await _board.Desk.Story(id)).ShouldBe(["started", "approval_asked", "voted", "denied"]);
        await _board.IsRefused(id, ada, HttpStatusCode.Conflict, "already-decided");
    }

    [Fact]
    public async Task One_with_a_veto_denies_it_alone()
    {
        var (ada, _) = (_board.Member(), _board.Member());
        var id = (await _board.Asked(Board.Managers(hasVeto: true))).OperationId;
        (await _board.Votes(id, ada, "deny", "No.")).GetProperty("operation").Text("errorMessage").ShouldBe("Ada of managers refused: No.");
    }

    [Fact]
    public async Task Until_it_is_decided_a_voter_may_vote_again_and_both_votes_are_kept()
    {
        var (ada, _, _) = (_board.Member(), _board.Member(), _board.Member());
        var id = (await _board.Asked(Board.Managers(2))).OperationId;
        await _board.Votes(id, ada, "deny", "Not sure.");
        var votes = (await _board.Votes(id, ada)).GetProperty("votes").EnumerateArray().Select(x => (x.Text("decision"), x.GetProperty("isReplaced").GetBoolean()));
        votes.ShouldBe([("deny", true), ("approve", false)]);
        (await _board.Details(id, "voted")).Select(x => x.Text("decision")).ShouldBe(["deny", "approve"]);
        (await _board.Approval(id, ada)).GetProperty("groups")[0].Number("yes").ShouldBe(1);
    }

    [Fact]
    public async Task The_same_vote_again_changes_nothing_also_once_it_has_decided()
    {
        var (ada, _) = (_board.Member(), _board.Member());
        var id = (await _board.Asked(Board.Managers(2))).OperationId;
        await _board.Votes(id, ada);
        var version = (await _board.Desk.Get(id)).Text("version");
        (await _board.Votes(id, ada)).GetProperty("votes").GetArrayLength().ShouldBe(1);
        (await _board.Desk.Get(id)).Text("version").ShouldBe(version);

        var other = (await _board.Asked(Board.Managers())).OperationId;
        await _board.Votes(other, ada);
        (await _board.Votes(other, ada)).GetProperty("operation").Text("status").ShouldBe("approved");
        await _board.IsRefused(other, ada, HttpStatusCode.Conflict, "already-decided", "deny", "I was wrong.");
        (await _board.Desk.Story(other)).ShouldBe(["started", "approval_asked", "voted", "approved"]);
    }

    [Fact]
    public async Task The_last_two_votes_at_once_decide_once()
    {
        var heard = await service.Broker.Listen<OperationApproved>();
        for (var round = 0; round < 5; round++)
        {
            Guid[] voters = [.. Enumerable.Range(0, 6).Select(_ => _board.Member())];
            var id = (await _board.Asked(new ApprovalGroup("those", 6, Users: [.. voters.Select(x => x.ToString())]))).OperationId;
            (await Task.WhenAll(voters.Select(voter => _board.Vote(id, voter)))).ShouldAllBe(x => x.Status == HttpStatusCode.OK);
            (await _board.Desk.Story(id)).Count(x => x == "approved").ShouldBe(1);
            (await heard.Next(_board.Desk.Org)).Message.OperationId.ShouldBe(id);
        }

        var (ada, bo) = (_board.Member(), _board.Member());
        var split = (await _board.Asked(new ApprovalGroup("two", 1, Users: [ada.ToString(), bo.ToString()], HasVeto: true))).OperationId;
        var answers = await Task.WhenAll(_board.Vote(split, ada), _board.Vote(split, bo, "deny", "No."));
        answers.Select(x => x.Status).Order().ShouldBe([HttpStatusCode.OK, HttpStatusCode.Conflict]);
        (await _board.Desk.Story(split)).Length.ShouldBe(4);
    }

    [Fact]
    public async Task Who_is_of_no_group_may_not_vote_nor_see_it_and_another_organisation_finds_nothing()
    {
        _board.Member();
        var staff = _board.Member("staff");
        var id = (await _board.Asked(Board.Managers())).OperationId;
        await _board.IsRefused(id, staff, HttpStatusCode.Forbidden, "may-not-vote");
        await _board.IsRefused(id, Guid.NewGuid(), HttpStatusCode.Forbidden, "may-not-vote");
        using var client = _board.Desk.Client(user: staff);
        (await _board.Desk.Get($"/operations/{id}/approval", HttpStatusCode.Forbidden, client)).Problem().ShouldBe("not-yours");

        var elsewhere = service.Board();
        var stranger = elsewhere.Member();
        (await elsewhere.Vote(id, stranger)).Status.ShouldBe(HttpStatusCode.NotFound);
        using var owner = elsewhere.Desk.Client("owner", stranger);
        await elsewhere.Desk.Get($"/operations/{id}/approval", HttpStatusCode.NotFound, owner);
        (await elsewhere.WaitingFor(stranger)).ShouldBeEmpty();
        (await _board.Desk.Get(id)).Text("status").ShouldBe("waiting_for_approval");
    }

    [Fact]
    public async Task Ones_own_operation_waits_for_others_unless_its_policy_says_so()
    {
        _board.Member(user: _board.Desk.User);
        _board.Member();
        var id = (await _board.Asked(Board.Managers())).OperationId;
        var (status, body) = await _board.Vote(id, _board.Desk.User);
        (status, body.Problem()).ShouldBe((HttpStatusCode.Forbidden, "may-not-vote"));
        body.Text("detail").ShouldStartWith("It is your own operation");
        (await _board.WaitingFor(_board.Desk.User)).ShouldBeEmpty();

        var own = (await _board.Asked(Board.Plan(Board.Policy(Board.Managers()) with { AllowsOwnVote = true }))).OperationId;
        (await _board.WaitingFor(_board.Desk.User)).ShouldBe([own]);
        (await _board.Votes(own, _board.Desk.User)).GetProperty("operation").Text("status").ShouldBe("approved");
    }

    [Fact]
    public async Task In_order_the_next_group_is_asked_when_the_one_before_has_agreed()
    {
        var (admin, owner) = (_board.Member(), _board.Member("owner"));
        var id = (await _board.Asked(Board.Plan(Board.Policy(Board.Managers(), new("owners", 1, ["owner"])) with { InOrder = true }))).OperationId;
        await _board.IsRefused(id, owner, HttpStatusCode.Forbidden, "may-not-vote");
        (await _board.WaitingFor(owner)).ShouldBeEmpty();
        (await _board.Approval(id, owner)).Text("whyNot").ShouldStartWith("It is not your group's turn");
        await _board.Votes(id, admin);
        (await _board.WaitingFor(owner)).ShouldBe([id]);
        (await _board.Votes(id, owner)).GetProperty("operation").Text("status").ShouldBe("approved");
    }

    [Fact]
    public async Task After_the_deadline_no_vote_is_taken_even_if_nobody_has_looked_yet()
    {
        var (ada, bo) = (_board.Member(), _board.Member());
        // An organisation's first look is followed by one at all that it has.
        await _board.Asked(new ApprovalGroup("others", 1, Users: [bo.ToString()]));
        var id = (await _board.Asked(Board.Managers())).OperationId;
        await _board.Desk.Execute($"UPDATE approvals SET due_at = now() - interval '1 second' WHERE operation_id = '{id}'");
        await _board.IsRefused(id, ada, HttpStatusCode.Conflict, "already-decided");
        (await _board.WaitingFor(ada)).ShouldBeEmpty();
        (await _board.Approval(id, ada)).Text("whyNot").ShouldStartWith("Its deadline was at ");
        (await _board.Desk.Get(id)).Text("status").ShouldBe("waiting_for_approval");
    }

    [Fact]
    public async Task An_API_key_does_not_vote()
    {
        var ada = _board.Member();
        var id = (await _board.Asked(Board.Managers())).OperationId;
        using var key = service.Anonymous();
        key.DefaultRequestHeaders.Authorization = new("Bearer", service.Tokens.Token(_board.Desk.Org, "admin", ada, change: claims =>
            (claims["scope"], claims["key"]) = ("operations:read operations:write", Guid.NewGuid().ToString())));
        var (status, body) = await _board.Vote(id, ada, client: key);
        (status, body.Problem()).ShouldBe((HttpStatusCode.Forbidden, "may-not-vote"));
    }

    [Theory]
    [InlineData("""{"decision": "deny", "digest": "d-1"}""")]
    [InlineData("""{"decision": "deny", "reason": "  ", "digest": "d-1"}""")]
    [InlineData("""{"decision": "perhaps", "digest": "d-1"}""")]
    [InlineData("""{"decision": 0, "digest": "d-1"}""")]
    [InlineData("""{"decision": "approve"}""")]
    [InlineData("""{"decision": "approve", "digest": ""}""")]
    [InlineData("""{"decision": "approve", "digest": "d-1", "reason": "\u0000"}""")]
    [InlineData("""{"decision": "approve", "digest": "d\u0000"}""")]
    [InlineData("""{"decision": "approve", "digest": "d-1", "reason": "{501}"}""")]
    [InlineData("""{"decision": "approve", "digest": "d-1", "voter": "somebody"}""")]
    public async Task A_vote_that_is_none_is_refused_and_changes_nothing(string body)
    {
        var ada = _board.Member();
        var id = (await _board.Asked(Board.Managers())).OperationId;
        using var client = _board.Desk.Client(user: ada);
        using var content = new StringContent(body.Replace("{501}", new string('x', 501)), System.Text.Encoding.UTF8, "application/json");
        using var answer = await client.PostAsync($"/operations/{id}/votes", content);
        answer.StatusCode.ShouldBe(HttpStatusCode.BadRequest, await answer.Content.ReadAsStringAsync());
        (await _board.Approval(id, ada)).GetProperty("votes").GetArrayLength().ShouldBe(0);
    }

    [Fact]
    public async Task What_needs_no_agreement_has_no_approval()
    {
        var ada = _board.Member();
        var operation = await _board.Desk.Started();
        (await _board.Desk.Get($"/operations/{operation.OperationId}/approval", HttpStatusCode.NotFound)).Problem().ShouldBe("no-approval");
        await _board.IsRefused(operation.OperationId, ada, HttpStatusCode.Forbidden, "not-yours");
        (await _board.Desk.Get(operation.OperationId)).IsNull("approval").ShouldBeTrue();
    }

    [Fact]
    public async Task Who_follows_the_operation_sees_each_vote()
    {
        var (ada, _) = (_board.Member(), _board.Member());
        var id = (await _board.Asked(Board.Managers(2))).OperationId;
        var version = (await _board.Desk.Get(id)).Text("version");
        var waiting = _board.Desk.Get($"/operations/{id}/wait?version={version}&seconds=20");
        await _board.Votes(id, ada);
        var seen = await waiting;
        seen.Text("version").ShouldNotBe(version);
        seen.GetProperty("approval").Text("needed").ShouldBe("1 of 2 from managers");
        seen.GetProperty("approval").Text("digest").ShouldBe(Board.Digest);
    }

    [Fact]
    public async Task A_voter_changes_the_vote_so_often_and_no_more()
    {
        var (ada, _, _) = (_board.Member(), _board.Member(), _board.Member());
        var id = (await _board.Asked(Board.Managers(2))).OperationId;
        for (var vote = 0; vote < 20; vote++)
        {
            await _board.Votes(id, ada, "approve", $"{vote}");
        }

        await _board.IsRefused(id, ada, HttpStatusCode.Conflict, "too-many-votes", "approve", "20");
    }

    [Fact]
    public async Task Operations_that_wait_for_a_vote_are_listed_the_oldest_first_page_by_page()
    {
        var ada = _board.Member();
        List<Guid> ids = [];
        foreach (var seconds in (int[])[3, 1, 2])
        {
            var operation = _board.Desk.Operation(change: x => x with { Plan = Board.Plan(Board.Policy(Board.Managers())), QueuedAt = _board.Desk.At(seconds) });
            await _board.Desk.Say(operation);
            await _board.Desk.RowShows(operation.OperationId, "approval_version > 0");
            await _board.IsLookedAt(operation.OperationId);
            ids.Add(operation.OperationId);
        }

        (await _board.WaitingFor(ada)).ShouldBe([ids[1], ids[2], ids[0]]);
        using var client = _board.Desk.Client(user: ada);
        var first = await _board.Desk.Get("/operations/approvals?limit=2", client: client);
        var second = await _board.Desk.Get($"/operations/approvals?limit=2&cursor={first.Text("nextCursor")}", client: client);
        second.GetProperty("items").EnumerateArray().Single().GetProperty("operationId").GetGuid().ShouldBe(ids[0]);
        (await _board.Desk.Cancel(ids[0])).Status.ShouldBe(HttpStatusCode.Accepted);
        (await _board.WaitingFor(ada)).ShouldBe([ids[1], ids[2]]);
        await _board.Desk.Get("/operations/approvals?cursor=nonsense", HttpStatusCode.BadRequest, client);
    }
}
