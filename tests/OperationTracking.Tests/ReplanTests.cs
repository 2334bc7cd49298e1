using System.Net;
using System.Text.Json;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;

namespace OpsPlatform.OperationTracking.Tests;

/// <summary>What becomes of agreement when the plan changes.</summary>
public sealed class ReplanTests(OperationsFixture service)
{
    private const string Changed = "d-2";
    private const string Effect = """{"lines": [{"item": "flour", "price": 3}]}""";
    private readonly Board _board = service.Board();

    [Fact]
    public async Task Another_plan_needs_other_votes_and_who_voted_is_shown_what_has_changed()
    {
        var heard = await service.Broker.Listen<OperationApproved>();
        var (ada, bo) = (_board.Member(name: "Ada"), _board.Member(name: "Bo"));
        var id = (await _board.Asked(Board.Managers(2))).OperationId;
        await _board.Votes(id, ada);
        await Replanned(id, votes: 2);

        var (status, body) = await _board.Vote(id, bo);
        (status, body.Problem(), body.Text("digest")).ShouldBe((HttpStatusCode.Conflict, "plan-changed", Changed));
        Prices(body.GetProperty("changes")).ShouldBe([("/lines/0/price", 2, 3)]);
        (await _board.WaitingFor(ada)).ShouldBe([id]);
        var shown = await _board.Approval(id, ada);
        shown.Text("digest").ShouldBe(Changed);
        shown.GetProperty("votes").EnumerateArray().Single().GetProperty("isLapsed").GetBoolean().ShouldBeTrue();
        shown.GetProperty("groups")[0].Number("yes").ShouldBe(0);
        Prices(shown.GetProperty("changes")).ShouldBe([("/lines/0/price", 2, 3)]);

        await _board.Votes(id, bo, digest: Changed);
        (await _board.Desk.Get(id)).Text("status").ShouldBe("waiting_for_approval");
        await _board.Votes(id, ada, digest: Changed);
        (await heard.Next(_board.Desk.Org)).Message.ShouldBe(new OperationApproved(id, "orders", Changed));
        (await _board.Desk.Story(id)).ShouldBe(["started", "approval_asked", "voted", "plan_changed", "voted", "voted", "approved"]);
        var told = (await _board.Details(id, "plan_changed")).Single();
        (told.Text("previousDigest"), told.Number("lapsedVotes"), told.GetProperty("plan").Text("digest")).ShouldBe((Board.Digest, 1, Changed));
    }

    [Fact]
    public async Task A_vote_on_a_plan_that_changes_at_the_same_time_is_cast_on_one_of_them_and_never_approves_the_other()
    {
        var heard = await service.Broker.Listen<OperationApproved>();
        var ada = _board.Member();
        for (var round = 0; round < 5; round++)
        {
            var id = (await _board.Asked(Board.Managers())).OperationId;
            var replanning = Say(id);
            var (status, body) = await _board.Vote(id, ada);
            await replanning;
            await _board.Desk.RowShows(id, $"status = 'waiting_for_approval' AND plan ->> 'digest' = '{Changed}'");
            if (status == HttpStatusCode.OK)
            {
                (await heard.Next(_board.Desk.Org)).Message.Digest.ShouldBe(Board.Digest);
            }
            else
            {
                body.Problem().ShouldBe("plan-changed");
            }

            await _board.Votes(id, ada, digest: Changed);
            (await heard.Next(_board.Desk.Org)).Message.ShouldBe(new OperationApproved(id, "orders", Changed));
        }
    }

    [Fact]
    public async Task With_the_same_plan_nothing_lapses_and_who_asks_again_once_it_is_agreed_to_is_told_again()
    {
        var heard = await service.Broker.Listen<OperationApproved>();
        var (ada, bo) = (_board.Member(), _board.Member());
        var id = (await _board.Asked(Board.Managers(2))).OperationId;
        await _board.Votes(id, ada);
        await Say(id, Board.Digest);
        await EverythingIsHeard(bo);
        (await _board.Approval(id, ada)).GetProperty("groups")[0].Number("yes").ShouldBe(1);
        await _board.Votes(id, bo);
        await heard.Next(_board.Desk.Org, x => x.OperationId == id);

        await Say(id, Board.Digest);
        (await heard.Next(_board.Desk.Org, x => x.OperationId == id)).Message.Digest.ShouldBe(Board.Digest);
        await _board.Desk.Say(_board.Desk.Report(id, 1, 1, 10));
        await _board.Desk.RowShows(id, "status = 'in_progress'");
        await Say(id, Board.Digest);
        (await heard.Next(_board.Desk.Org, x => x.OperationId == id)).Message.Digest.ShouldBe(Board.Digest);
        (await _board.Desk.Story(id)).ShouldBe(["started", "approval_asked", "voted", "voted", "approved", "attempt_began"]);
    }

    [Theory]
    [InlineData("approved")]
    [InlineData("in_progress")]
    [InlineData("waiting_external")]
    [InlineData("queued")]
    public async Task Whatever_it_was_at_it_waits_for_agreement_to_another_plan(string status)
    {
        var ada = _board.Member();
        var id = (await _board.Asked(Board.Managers())).OperationId;
        await _board.Votes(id, ada);
        if (status != "approved")
        {
            await _board.Desk.Say(_board.Desk.Report(id, 1, 1, 10, x => status switch
            {
                "queued" => x with { RetryAt = DateTimeOffset.UtcNow.AddMinutes(5), Error = "Away." },
                "waiting_external" => x with { Cause = "external" },
                _ => x,
            }));
        }

        await _board.Desk.RowShows(id, $"status = '{status}'");
        await Replanned(id);
        await _board.IsRefused(id, ada, HttpStatusCode.Conflict, "plan-changed");
        await _board.Votes(id, ada, digest: Changed);
        (await _board.Desk.Get(id)).Text("status").ShouldBe("approved");
    }

    [Fact]
    public async Task Work_that_was_started_without_a_plan_may_ask_later()
    {
        var ada = _board.Member();
        var id = (await _board.Desk.Running()).OperationId;
        await Replanned(id);
        (await _board.Desk.Story(id)).ShouldBe(["started", "attempt_began", "approval_asked"]);
        await _board.Votes(id, ada, digest: Changed);
    }

    [Fact]
    public async Task An_older_plan_that_comes_later_is_passed_over()
    {
        var ada = _board.Member();
        var id = (await _board.Asked(Board.Managers())).OperationId;
        await Replanned(id, at: 9);
        await Say(id, "d-0", at: 8);
        // Told once more it is as young as this.
        await Say(id, at: 12);
        await EverythingIsHeard(ada);
        await Say(id, "d-3", at: 11);
        await EverythingIsHeard(ada);
        (await _board.Approval(id, ada)).Text("digest").ShouldBe(Changed);
    }

    [Fact]
    public async Task A_message_delivered_twice_changes_the_plan_once()
    {
        var ada = _board.Member();
        var id = (await _board.Asked(Board.Managers(1))).OperationId;
        var envelope = TestBroker.Envelope(_board.Desk.Org, Message(id, Changed, 7));
        await service.Broker.Send(envelope, envelope);
        await service.Broker.Send(envelope);
        await EverythingIsHeard(ada);
        (await _board.Desk.Story(id)).ShouldBe(["started", "approval_asked", "plan_changed"]);
    }

    [Fact]
    public async Task A_plan_that_overtakes_its_operation_is_kept_for_it()
    {
        var ada = _board.Member();
        var operation = _board.Desk.Operation(change: x => x with { Plan = Board.Plan(Board.Policy(Board.Managers())) });
        var id = operation.OperationId;
        await Say(id, "d-1.5", at: 6);
        await Say(id, Changed, at: 7);
        await Eventually.Is(async () => await _board.Desk.Sql<long>($"SELECT count(*) FROM early_plans WHERE operation_id = '{id}' AND plan ->> 'digest' = '{Changed}'") == 1);
        await _board.Desk.Say(operation);
        await _board.Desk.RowShows(id, $"plan ->> 'digest' = '{Changed}'");
        await _board.Votes(id, ada, digest: Changed);
        (await _board.Desk.Story(id)).ShouldBe(["started", "approval_asked", "plan_changed", "voted", "approved"]);
        (await _board.Desk.Sql<long>($"SELECT count(*) FROM early_plans WHERE operation_id = '{id}'")).ShouldBe(0);
    }

    [Theory]
    [InlineData("cancelled")]
    [InlineData("failed")]
    public async Task What_is_over_or_no_longer_wanted_asks_nobody(string outcome)
    {
        var ada = _board.Member();
        var ended = await _board.Desk.Ended(outcome);
        await Say(ended.OperationId);
        var cancelling = await _board.Desk.Running();
        await _board.Desk.Cancel(cancelling.OperationId);
        await Say(cancelling.OperationId);
        await EverythingIsHeard(ada);
        (await _board.Desk.Get(ended.OperationId)).Text("status").ShouldBe(outcome);
        (await _board.Desk.Get(cancelling.OperationId)).Text("status").ShouldBe("cancelling");
    }

    [Fact]
    public async Task Who_follows_it_sees_that_it_waits_again_and_the_time_is_booked_to_agreement()
    {
        _board.Member();
        var id = (await _board.Desk.Running()).OperationId;
        await Say(id, at: 5);
        await _board.Desk.Shows(id, x => x.Text("status") == "waiting_for_approval" && x.GetProperty("time").Number("work") == 3 && x.GetProperty("time").Number("approval") > 10);
    }

    private static (string, int, int)[] Prices(JsonElement changes) =>
        [.. changes.EnumerateArray().Select(x => (x.Text("path"), x.GetProperty("before").GetInt32(), x.GetProperty("after").GetInt32()))];

    private OperationReplanned Message(Guid id, string digest, double at, int votes = 1) => new(id, Board.Plan(Board.Policy(Board.Managers(votes)), digest, Effect), _board.Desk.At(at));

    private Task Say(Guid id, string digest = Changed, double at = 7, int votes = 1) => _board.Desk.Say(Message(id, digest, at, votes));

    private async Task Replanned(Guid id, string digest = Changed, double at = 7, int votes = 1)
    {
        await Say(id, digest, at, votes);
        await _board.Desk.RowShows(id, $"status = 'waiting_for_approval' AND plan ->> 'digest' = '{digest}'");
        await _board.IsLookedAt(id);
    }

    /// <summary>Plans told before have been heard once this one has.</summary>
    private async Task EverythingIsHeard(Guid voter)
    {
        var last = await _board.Asked(new ApprovalGroup("last", 1, Users: [voter.ToString()]));
        await Replanned(last.OperationId);
    }
}
