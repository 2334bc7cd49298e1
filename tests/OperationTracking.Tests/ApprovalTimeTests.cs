using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;

namespace OpsPlatform.OperationTracking.Tests;

/// <summary>A service of its own, whose clock may be put forward and whose identity service may go away.</summary>
public sealed class ClockFixture : OperationsFixture
{
    public ShiftedTime Time { get; } = new();

    protected override IEnumerable<(string Key, string Value)> Settings => [.. base.Settings, ("Approvals:LookEvery", "00:00:00.2")];

    protected override void Configure(IServiceCollection services) => services.AddSingleton<TimeProvider>(Time);
}

public sealed class ApprovalTimeTests(ClockFixture service) : IClassFixture<ClockFixture>
{
    private readonly Board _board = service.Board();

    [Fact]
    public async Task Undecided_at_its_deadline_it_has_expired_and_its_service_is_told()
    {
        var heard = await service.Broker.Listen<OperationDenied>();
        var (ada, bo) = (_board.Member(), _board.Member());
        var id = (await _board.Asked(Timed(Board.Managers(2), 30))).OperationId;
        await _board.Votes(id, ada);
        Forward(29);
        (await _board.Desk.Get(id)).Text("status").ShouldBe("waiting_for_approval");
        Forward(2);
        await _board.Shows(id, "expired");
        var told = (await heard.Next(_board.Desk.Org)).Message;
        (told.OperationId, told.Service, told.Outcome).ShouldBe((id, "orders", "expired"));
        told.Reason.ShouldMatch("^Nobody decided until .*Z: 1 of 2 from managers. Start it again if it is still wanted.$");
        (await _board.Desk.Get(id)).Text("errorMessage").ShouldBe(told.Reason);
        (await _board.Desk.Story(id)).ShouldBe(["started", "approval_asked", "voted", "expired"]);
        await _board.IsRefused(id, bo, HttpStatusCode.Conflict, "already-decided");
    }

    [Fact]
    public async Task A_row_that_somebody_holds_of_one_organisation_keeps_no_other_from_its_deadline()
    {
        var other = service.Board();
        _board.Member();
        other.Member();
        var held = (await _board.Asked(Timed(Board.Managers(), 30))).OperationId;
        var free = (await other.Asked(Timed(Board.Managers(), 30))).OperationId;
        await using (var session = await service.OpenAs("app", _board.Desk.Org))
        {
            await using var transaction = await session.BeginTransactionAsync();
            await using var hold = new NpgsqlCommand(
                $"SET LOCAL idle_in_transaction_session_timeout = 0; SELECT FROM operations WHERE id = '{held}' FOR UPDATE", session);
            await hold.ExecuteNonQueryAsync();
            Forward(31);
            await Eventually.Is(() => _board.Desk.IsWaitedFor(session));
            await other.Shows(free, "expired");
        }

        await _board.Shows(held, "expired");
    }

    [Fact]
    public async Task Who_has_not_voted_is_reminded_once()
    {
        var (ada, bo) = (_board.Member(name: "Ada"), _board.Member(name: "Bo"));
        var id = (await _board.Asked(Timed(Board.Managers(2), 60, x => x with { ReminderMinutes = 10 }))).OperationId;
        await _board.Votes(id, ada);
        Forward(11);
        await TimelineHas(id, "reminded");
        var missing = (await _board.Details(id, "reminded")).Single().GetProperty("missing").EnumerateArray().Single();
        (missing.Text("userId"), missing.Text("displayName")).ShouldBe((bo.ToString(), "Bo"));
        Forward(11);
        await Looked();
        (await _board.Desk.Story(id)).ShouldBe(["started", "approval_asked", "voted", "reminded"]);
        (await _board.Approval(id, bo)).IsNull("remindedAt").ShouldBeFalse();
    }

    [Fact]
    public async Task Once_escalated_the_group_it_escalates_to_decides_alone()
    {
        _board.Member();
        var owner = _board.Member("owner");
        var id = (await _board.Asked(Timed(Board.Managers(), 60, x => x with { EscalationMinutes = 10, EscalateTo = new("owners", 1, ["owner"]) }))).OperationId;
        await _board.IsRefused(id, owner, HttpStatusCode.Forbidden, "may-not-vote");
        (await _board.WaitingFor(owner)).ShouldBeEmpty();
        Forward(11);
        await TimelineHas(id, "escalated");
        (await _board.Details(id, "escalated")).Single().Text("group").ShouldBe("owners");
        (await _board.WaitingFor(owner)).ShouldBe([id]);
        (await _board.Votes(id, owner)).GetProperty("operation").Text("status").ShouldBe("approved");
    }

    [Fact]
    public async Task When_members_leave_so_that_too_few_are_left_it_is_denied()
    {
        var heard = await service.Broker.Listen<OperationDenied>();
        var (ada, bo) = (_board.Member(), _board.Member());
        var id = (await _board.Asked(Board.Managers(2))).OperationId;
        await _board.Votes(id, ada);
        _board.Leaves(bo);
        (await heard.Next(_board.Desk.Org)).Message.Reason.ShouldStartWith("The group managers needs 2 votes and has 1 who may vote");
        (await _board.Desk.Story(id)).ShouldBe(["started", "approval_asked", "voted", "denied"]);
    }

    [Fact]
    public async Task The_vote_of_one_who_left_counts_no_more_and_they_vote_no_more()
    {
        var (ada, bo, cy) = (_board.Member(), _board.Member(), _board.Member());
        var id = (await _board.Asked(Board.Managers(2))).OperationId;
        await _board.Votes(id, ada);
        _board.Leaves(ada);
        await _board.Desk.Shows(id, x => x.GetProperty("approval").Text("needed") == "0 of 2 from managers");
        await _board.IsRefused(id, ada, HttpStatusCode.Forbidden, "may-not-vote");
        (await _board.Votes(id, bo)).GetProperty("operation").Text("status").ShouldBe("waiting_for_approval");
        (await _board.Votes(id, cy)).GetProperty("operation").Text("status").ShouldBe("approved");
    }

    [Fact]
    public async Task While_the_identity_service_is_away_nothing_but_the_deadline_is_decided()
    {
        var (ada, bo) = (_board.Member(), _board.Member());
        service.Identity.IsAway = true;
        try
        {
            await MembersAreForgotten();
            var operation = _board.Desk.Operation(change: x => x with { Plan = Timed(Board.Managers(3), 30, y => y with { ReminderMinutes = 5 }) });
            await _board.Desk.Say(operation);
            var id = operation.OperationId;
            await _board.IsLookedAt(id);
            var (status, body) = await _board.Vote(id, ada);
            (status, body.Problem()).ShouldBe((HttpStatusCode.ServiceUnavailable, "unavailable"));
            var shown = await _board.Approval(id);
            (shown.Text("digest"), shown.GetProperty("mayVote").GetBoolean()).ShouldBe((Board.Digest, false));
            Forward(6);
            await Looked();
            (await _board.Desk.Story(id)).ShouldBe(["started", "approval_asked"]);
            Forward(30);
            await _board.Shows(id, "expired");
        }
        finally
        {
            service.Identity.IsAway = false;
        }

        // It looks at what it could not look at before.
        var later = (await _board.Asked(Board.Managers(2))).OperationId;
        await _board.Votes(later, bo);
    }

    [Fact]
    public async Task Two_replicas_remind_and_expire_once_and_take_votes_of_one_operation_in_turns()
    {
        var heard = await service.Broker.Listen<OperationDenied>();
        await using var replica = await service.StartReplica();
        Guid[] voters = [.. Enumerable.Range(0, 8).Select(_ => _board.Member())];
        var decided = (await _board.Asked(Board.Managers(8))).OperationId;
        var answers = await Task.WhenAll(voters.Select(async (voter, index) =>
        {
            using var client = _board.Desk.Client(user: voter, at: index % 2 == 0 ? replica.Address : null);
            return (await _board.Vote(decided, voter, client: client)).Status;
        }));
        answers.ShouldAllBe(status => status == HttpStatusCode.OK);
        (await _board.Desk.Story(decided)).Count(x => x == "approved").ShouldBe(1);

        var ids = await Task.WhenAll(Enumerable.Range(0, 10).Select(async _ => (await _board.Asked(Timed(Board.Managers(), 30, x => x with { ReminderMinutes = 5 }))).OperationId));
        Forward(6);
        await Task.WhenAll(ids.Select(id => TimelineHas(id, "reminded")));
        Forward(30);
        (await heard.Next(_board.Desk.Org, ids.Length)).Select(x => x.Message.OperationId).ShouldBe(ids, ignoreOrder: true);
        foreach (var id in ids)
        {
            (await _board.Desk.Story(id)).ShouldBe(["started", "approval_asked", "reminded", "expired"]);
        }
    }

    [Fact]
    public async Task A_cancelled_operation_asks_nobody_any_more_and_does_not_expire()
    {
        var ada = _board.Member();
        var operation = await _board.Asked(Timed(Board.Managers(), 30));
        var id = operation.OperationId;
        await _board.Desk.Cancel(id);
        await _board.IsRefused(id, ada, HttpStatusCode.Conflict, "already-decided");
        Forward(31);
        await Looked();
        await _board.Desk.Say(_board.Desk.End(operation, "cancelled"));
        await _board.Shows(id, "cancelled");
    }

    private static OperationPlan Timed(ApprovalGroup group, int deadline, Func<ApprovalPolicy, ApprovalPolicy>? change = null)
    {
        var policy = Board.Policy(group) with { DeadlineMinutes = deadline };
        return Board.Plan(change?.Invoke(policy) ?? policy);
    }

    private void Forward(int minutes) => service.Time.Forward(TimeSpan.FromMinutes(minutes));

    private Task TimelineHas(Guid id, string told) => Testing.Eventually.Is(async () => (await _board.Desk.Story(id)).Contains(told));

    /// <summary>Everything due has been looked at once an operation due after it has expired.</summary>
    private async Task Looked()
    {
        var operation = _board.Desk.Operation(change: x => x with { Plan = Board.Plan(Board.Policy()) });
        await _board.Desk.Say(operation);
        await _board.Shows(operation.OperationId, "denied");
    }

    /// <summary>Members that were told before are kept for some milliseconds.</summary>
    private Task MembersAreForgotten() => Testing.Eventually.Is(async () =>
    {
        using var client = _board.Desk.Client();
        using var answer = await client.GetAsync("/operations/approvals");
        return answer.StatusCode == HttpStatusCode.ServiceUnavailable;
    });
}
