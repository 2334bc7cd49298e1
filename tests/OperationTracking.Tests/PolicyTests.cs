using OpsPlatform.Contracts;
using OpsPlatform.OperationTracking.Approvals;

namespace OpsPlatform.OperationTracking.Tests;

/// <summary>How votes are counted, without a server. Ada, Bo and Cy are admins, Dee is the owner, Eve is staff and starts the operation.</summary>
public sealed class PolicyTests
{
    private static readonly Member[] Everybody = [new("ada", "admin", "Ada"), new("bo", "admin", "Bo"), new("cy", "admin", "Cy"), new("dee", "owner", "Dee"), new("eve", "staff", "Eve")];
    private static readonly ApprovalGroup Admins = new("admins", 2, ["admin"]);
    private static readonly ApprovalGroup Owners = new("owners", 1, ["owner"]);

    [Fact]
    public void A_group_agrees_when_so_many_of_its_members_have()
    {
        Of(new([Admins]), "ada+").ShouldSatisfyAllConditions(x => x.IsApproved.ShouldBeFalse(), x => x.Needed.ShouldBe("1 of 2 from admins"));
        Of(new([Admins]), "ada+", "dee+", "eve+").IsApproved.ShouldBeFalse();
        Of(new([Admins]), "ada+", "cy+").IsApproved.ShouldBeTrue();
    }

    [Fact]
    public void All_groups_have_to_agree()
    {
        Of(new([Admins, Owners]), "ada+", "cy+").ShouldSatisfyAllConditions(x => x.IsApproved.ShouldBeFalse(), x => x.Needed.ShouldBe("2 of 2 from admins, 0 of 1 from owners"));
        Of(new([Admins, Owners]), "ada+", "cy+", "dee+").IsApproved.ShouldBeTrue();
    }

    [Fact]
    public void A_role_is_that_role_and_no_higher_one() => Of(new([new("staff", 1, ["staff"])]), "ada+", "dee+").ShouldSatisfyAllConditions(
        x => x.Groups[0].Yes.ShouldBe(0), x => x.WhyNot("dee").ShouldBe("You are of none of the groups that are asked: staff."));

    [Fact]
    public void A_member_of_two_groups_counts_in_both() =>
        Of(new([new("one", 1, ["owner"]), new("other", 1, Users: ["DEE"])]), "dee+").ShouldSatisfyAllConditions(
            x => x.IsApproved.ShouldBeTrue(), x => x.GroupsOf("dee").ShouldBe(["one", "other"]));

    [Fact]
    public void One_who_is_named_and_is_no_member_of_the_organisation_does_not_count() => Of(new([new("named", 1, Users: ["zoe"])]), "zoe+").ShouldSatisfyAllConditions(
        x => x.IsApproved.ShouldBeFalse(), x => x.Lacking.Single().Members.ShouldBe(0), x => x.DeniedFor.ShouldNotBeNull());

    [Fact]
    public void Who_wants_it_done_does_not_vote_unless_the_policy_says_so()
    {
        ApprovalPolicy policy = new([new("staff", 1, ["staff", "owner"])]);
        Of(policy, "eve+").ShouldSatisfyAllConditions(
            x => x.IsApproved.ShouldBeFalse(), x => x.WhyNot("eve").ShouldStartWith("It is your own operation"), x => x.Groups[0].CanStillVote.ShouldBe(1));
        Of(policy with { AllowsOwnVote = true }, "eve+").IsApproved.ShouldBeTrue();
    }

    [Fact]
    public void It_is_denied_once_a_group_cannot_reach_its_votes()
    {
        Of(new([Admins]), "ada-").DeniedFor.ShouldBeNull();
        Of(new([Admins]), "ada-", "bo-").DeniedFor.ShouldBe("admins cannot reach 2 any more, for Ada, Bo refused: because");
        Of(new([Admins, Owners]), "ada+", "bo+", "dee-").DeniedFor.ShouldBe("owners cannot reach 1 any more, for Dee refused: because");
    }

    [Fact]
    public void A_veto_denies_at_once()
    {
        Of(new([Admins with { HasVeto = true }]), "ada-").DeniedFor.ShouldBe("Ada of admins refused: because");
        Of(new([Admins with { Votes = 1, HasVeto = true }, Owners]), "ada+", "bo-").DeniedFor.ShouldBe("Bo of admins refused: because");
    }

    [Fact]
    public void In_order_a_group_is_asked_when_those_before_have_agreed()
    {
        ApprovalPolicy policy = new([Admins, Owners], InOrder: true);
        Of(policy, "ada+").ShouldSatisfyAllConditions(
            x => x.WhyNot("dee").ShouldBe("It is not your group's turn: admins comes first."),
            x => x.WhyNot("bo").ShouldBeNull(),
            x => x.AskedRoles.ShouldBe(["admin"]),
            x => x.Missing.Select(member => member.UserId).ShouldBe(["bo", "cy"]));
        Of(policy, "ada+", "bo+").ShouldSatisfyAllConditions(x => x.WhyNot("dee").ShouldBeNull(), x => x.AskedRoles.ShouldBe(["owner"]));
        Of(policy with { InOrder = false }, "ada+").WhyNot("dee").ShouldBeNull();
    }

    [Fact]
    public void A_level_adds_its_groups_when_the_effect_is_as_large_in_any_way()
    {
        ApprovalPolicy policy = new([Admins], Levels: [new([Owners], Records: 100, Money: 50, Deletions: 5)]);
        Of(policy, records: 99, money: 49.99m, deletions: 4).Groups.Count.ShouldBe(1);
        Of(policy, records: 100).Groups.Select(x => x.Name).ShouldBe(["admins", "owners"]);
        Of(policy, money: 50).Groups.Count.ShouldBe(2);
        Of(policy, deletions: 5).Groups.Count.ShouldBe(2);
        Of(policy with { Levels = [new([Owners], Money: 50)] }, records: 1_000_000).Groups.Count.ShouldBe(1);
    }

    [Fact]
    public void Once_escalated_the_group_decides_alone_either_way()
    {
        ApprovalPolicy policy = new([Admins], EscalationMinutes: 5, EscalateTo: Owners);
        Of(policy, "dee+").ShouldSatisfyAllConditions(x => x.IsApproved.ShouldBeFalse(), x => x.WhyNot("dee").ShouldStartWith("It is not your group's turn"));
        Escalated(policy, "dee+").IsApproved.ShouldBeTrue();
        Escalated(policy, "dee-").DeniedFor.ShouldBe("owners cannot reach 1 any more, for Dee refused: because");
        Escalated(policy, "ada+", "bo+").IsApproved.ShouldBeTrue();
        Escalated(policy, "ada+").Needed.ShouldBe("1 of 2 from admins; or 0 of 1 from owners");
        // That nobody is there to escalate to leaves the decision with those asked first.
        Escalated(policy with { EscalateTo = new("nobody", 1, ["viewer"]) }).DeniedFor.ShouldBeNull();
    }

    [Fact]
    public void The_vote_of_one_who_left_or_is_of_another_role_now_counts_no_more()
    {
        Of(new([Admins]), [.. Everybody.Where(x => x.UserId != "ada")], "ada+", "bo+").ShouldSatisfyAllConditions(
            x => x.IsApproved.ShouldBeFalse(), x => x.DeniedFor.ShouldBeNull(), x => x.Groups[0].CanStillVote.ShouldBe(1));
        Of(new([Admins]), [new("ada", "admin", "Ada"), new("bo", "viewer", "Bo")], "bo+").DeniedFor
            .ShouldBe("The group admins needs 2 votes and has 1 who may vote: 1 lacking. Give more members a role of the group, name more users, or let fewer votes be enough.");
    }

    [Fact]
    public void That_nobody_is_asked_is_no_agreement() => Of(new([])).IsApproved.ShouldBeFalse();

    [Fact]
    public void A_policy_without_faults_has_none() => PolicyRules.Faults(
        new([Admins, new("named", 2, Users: ["ada", "bo"])], true, true, 60, 10, 20, Owners, [new([new("more", 1, ["staff"])], Records: 5)])).ShouldBeEmpty();

    public static TheoryData<string, ApprovalPolicy> Faulty => new()
    {
        { "groups", new([]) },
        { "groups", new(null!) },
        { "groups", new([.. Enumerable.Range(0, 21).Select(n => Admins with { Name = $"{n}" })]) },
        { "groups[0]", new([null!]) },
        { "groups[0].votes", new([Admins with { Votes = 0 }]) },
        { "groups[0].name", new([Admins with { Name = "" }]) },
        { "groups[1].name", new([Admins, Admins]) },
        { "groups[0]", new([new("empty", 1)]) },
        { "groups[0].roles", new([new("kings", 1, ["king"])]) },
        { "groups[0].roles", new([new("kings", 1, [null!])]) },
        { "groups[0].users", new([new("users", 1, Users: [""])]) },
        { "deadlineMinutes", new([Admins], DeadlineMinutes: 0) },
        { "deadlineMinutes", new([Admins], DeadlineMinutes: int.MaxValue) },
        { "reminderMinutes", new([Admins], DeadlineMinutes: 5, ReminderMinutes: 5) },
        { "reminderMinutes", new([Admins], ReminderMinutes: 0) },
        { "escalationMinutes", new([Admins], DeadlineMinutes: 5, EscalationMinutes: 6, EscalateTo: Owners) },
        { "escalateTo", new([Admins], EscalationMinutes: 6) },
        { "escalationMinutes", new([Admins], EscalateTo: Owners) },
        { "escalateTo.votes", new([Admins], EscalationMinutes: 5, EscalateTo: Owners with { Votes = -1 }) },
        { "levels[0]", new([Admins], Levels: [null!]) },
        { "levels[0]", new([Admins], Levels: [new([Owners])]) },
        { "levels[0]", new([Admins], Levels: [new([Owners], Money: -1)]) },
        { "levels[0].groups", new([Admins], Levels: [new([], Records: 1)]) },
        { "levels[0].groups[0].votes", new([Admins], Levels: [new([Owners with { Votes = 0 }], Records: 1)]) },
    };

    [Theory]
    [MemberData(nameof(Faulty))]
    public void A_faulty_policy_is_told_where(string path, ApprovalPolicy policy) => PolicyRules.Faults(policy).Select(x => x.Path).ShouldBe([path]);

    [Fact]
    public void Changes_of_an_effect_are_told_by_their_places() => EffectChanges.Between(
            """{"lines": [{"item": "flour", "price": 2}, {"item": "salt"}], "a/b": 1, "same": {"x": [1.0]}, "was": true}""",
            """{"lines": [{"item": "flour", "price": 3}], "a/b": 2, "same": {"x": [1]}, "is": {"y": null}, "was": [true]}""")
        .Select(x => $"{x.Path}: {x.Before?.GetRawText() ?? "-"} > {x.After?.GetRawText() ?? "-"}").ShouldBe(
        [
            "/lines/0/price: 2 > 3", """/lines/1: {"item": "salt"} > -""", "/a~1b: 1 > 2", "/was: true > [true]", """/is: - > {"y": null}""",
        ]);

    private static Tally Of(ApprovalPolicy policy, params string[] votes) => Of(policy, Everybody, votes);

    private static Tally Of(ApprovalPolicy policy, long records = 0, decimal money = 0, long deletions = 0) =>
        new(new("d", "{}", policy, records, money, deletions), "eve", false, Everybody, []);

    private static Tally Of(ApprovalPolicy policy, Member[] members, params string[] votes) => new(new("d", "{}", policy), "eve", false, members, Ballots(votes));

    private static Tally Escalated(ApprovalPolicy policy, params string[] votes) => new(new("d", "{}", policy), "eve", true, Everybody, Ballots(votes));

    /// <param name="votes">Who, and + or -.</param>
    private static Ballot[] Ballots(string[] votes) =>
        [.. votes.Select(vote => new Ballot(vote[..^1], $"{char.ToUpperInvariant(vote[0])}{vote[1..^1]}", vote[^1] == '+', vote[^1] == '-' ? "because" : null))];
}
