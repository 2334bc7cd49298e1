using OpsPlatform.Contracts;

namespace OpsPlatform.OperationTracking.Approvals;

/// <summary>A vote that counts.</summary>
internal sealed record Ballot(string Voter, string VoterName, bool IsApproval, string? Reason);

/// <summary>How far one group is.</summary>
/// <param name="Needed">Votes for it that the group has to reach.</param>
/// <param name="CanStillVote">Members who may vote and have not.</param>
/// <param name="IsOpen">It is asked: those before it have agreed, or it is escalated to.</param>
/// <param name="IsEscalation">Its votes are enough by themselves, once the approval is escalated.</param>
internal sealed record GroupTally(string Name, int Needed, int Yes, int No, int CanStillVote, bool IsOpen, bool IsReached, bool HasVeto, bool IsEscalation);

/// <summary>
/// The votes on a plan counted by its policy, which must be without faults: no I/O. Members of now count: the vote of somebody who left the
/// organisation or the group counts no more, and a vote of one who is in two groups counts in both.
/// </summary>
internal sealed class Tally
{
    private readonly ApprovalPolicy _policy;
    private readonly string _owner;
    private readonly List<Counted> _groups;
    private readonly Counted? _escalation;

    /// <param name="owner">The operation's own user.</param>
    /// <param name="isEscalated">The group that it escalates to is asked.</param>
    public Tally(OperationPlan plan, string owner, bool isEscalated, IReadOnlyCollection<Member> members, IReadOnlyCollection<Ballot> ballots)
    {
        (_policy, _owner) = (plan.Policy, owner);
        List<Counted> groups = [];
        foreach (var group in Asked(plan))
        {
            groups.Add(Count(group, !_policy.InOrder || groups.TrueForAll(before => before.Shown.IsReached), isEscalation: false, members, ballots));
        }

        _groups = groups;
        _escalation = _policy.EscalateTo is { } last ? Count(last, isEscalated, isEscalation: true, members, ballots) : null;
        DeniedFor = _groups.Select(WhyLost).FirstOrDefault(why => why is not null)
            ?? (isEscalated && _escalation is { Shown.No: > 0 } ? WhyLost(_escalation) : null);
        // That nobody is asked is no agreement.
        IsApproved = DeniedFor is null && ((_groups.Count > 0 && _groups.TrueForAll(x => x.Shown.IsReached)) || (isEscalated && _escalation is { Shown.IsReached: true }));
    }

    /// <summary>In the order in which they are asked; last the one it escalates to.</summary>
    public IReadOnlyList<GroupTally> Groups => [.. All.Select(x => x.Shown)];

    public bool IsApproved { get; }

    /// <summary>For people; null while all groups can still reach their votes.</summary>
    public string? DeniedFor { get; }

    /// <summary>Such as: 1 of 2 from managers, 0 of 1 from owners.</summary>
    public string Needed => string.Join(", ", _groups.Select(Progress)) + (_escalation is { Shown.IsOpen: true } ? $"; or {Progress(_escalation)}" : "");

    /// <summary>Groups that were never able to reach their votes, whoever votes, with the members who may vote in them.</summary>
    public IReadOnlyList<(GroupTally Group, int Members)> Lacking => [.. _groups.Where(x => x.Voters.Count < x.Shown.Needed).Select(x => (x.Shown, x.Voters.Count))];

    /// <summary>Who may vote, was asked and has not voted.</summary>
    public IReadOnlyList<Member> Missing =>
        [.. Waiting.SelectMany(x => x.Voters).Distinct().ExceptBy(All.SelectMany(x => x.Ballots).Select(vote => vote.Voter), member => member.UserId, StringComparer.OrdinalIgnoreCase)];

    /// <summary>Roles whose members are waited for.</summary>
    public string[] AskedRoles => [.. Waiting.SelectMany(x => x.Group.Roles ?? []).Distinct()];

    /// <summary>Users who are waited for by name, in lower case.</summary>
    public string[] AskedUsers => [.. Waiting.SelectMany(x => x.Group.Users ?? []).Select(user => user.ToLowerInvariant()).Distinct()];

    private IEnumerable<Counted> All => _escalation is null ? _groups : _groups.Append(_escalation);

    private IEnumerable<Counted> Waiting => All.Where(x => x.Shown is { IsOpen: true, IsReached: false });

    /// <summary>Names of the groups in which a vote of the user counts.</summary>
    public IReadOnlyList<string> GroupsOf(string userId) => [.. All.Where(x => x.Voters.Any(member => IsSame(member.UserId, userId))).Select(x => x.Shown.Name)];

    /// <summary>Whether the user is of any group, may they vote now or not.</summary>
    public bool IsAsked(string userId) => All.Any(x => x.Members.Any(member => IsSame(member.UserId, userId)));

    /// <returns>Null when the user may vote.</returns>
    public string? WhyNot(string userId)
    {
        if (!IsAsked(userId))
        {
            return $"You are of none of the groups that are asked: {string.Join(", ", All.Select(x => x.Shown.Name))}.";
        }

        if (!_policy.AllowsOwnVote && IsSame(_owner, userId))
        {
            return "It is your own operation, and its policy does not count own votes: ask somebody else of the group.";
        }

        return All.Any(x => x.Shown.IsOpen && x.Voters.Any(member => IsSame(member.UserId, userId)))
            ? null
            : $"It is not your group's turn: {string.Join(", ", Waiting.Select(x => x.Shown.Name))} comes first.";
    }

    /// <summary>Those of the policy, and those of each level that the effect reaches.</summary>
    private static IEnumerable<ApprovalGroup> Asked(OperationPlan plan) => plan.Policy.Groups.Concat((plan.Policy.Levels ?? [])
        .Where(level => plan.Records >= level.Records || plan.Money >= level.Money || plan.Deletions >= level.Deletions)
        .SelectMany(level => level.Groups));

    private Counted Count(ApprovalGroup group, bool isOpen, bool isEscalation, IEnumerable<Member> members, IEnumerable<Ballot> ballots)
    {
        var named = Ids(group.Users ?? []);
        var all = members.Where(x => group.Roles?.Contains(x.Role) == true || named.Contains(x.UserId)).ToArray();
        var voters = all.Where(x => _policy.AllowsOwnVote || !IsSame(x.UserId, _owner)).ToArray();
        var ids = Ids(voters.Select(member => member.UserId));
        var counted = ballots.Where(vote => ids.Contains(vote.Voter)).ToArray();
        var yes = counted.Count(vote => vote.IsApproval);
        return new(
            group, all, voters, counted,
            new(group.Name, group.Votes, yes, counted.Length - yes, voters.Length - counted.Length, isOpen, yes >= group.Votes, group.HasVeto, isEscalation));
    }

    private static string? WhyLost(Counted x)
    {
        var (name, needed, group) = (x.Shown.Name, x.Shown.Needed, x.Shown);
        var refusals = x.Ballots.Where(vote => !vote.IsApproval).ToArray();
        return refusals.Length > 0 && group.HasVeto ? $"{refusals[^1].VoterName} of {name} refused: {refusals[^1].Reason}"
            : group.Yes + group.CanStillVote >= needed ? null
            : refusals.Length > 0 ? $"{name} cannot reach {needed} any more, for {string.Join(", ", refusals.Select(vote => vote.VoterName))} refused: {refusals[^1].Reason}"
            : Lack(group, x.Voters.Count);
    }

    /// <summary>What a group lacks and what to do about it.</summary>
    public static string Lack(GroupTally group, int members) =>
        $"The group {group.Name} needs {group.Needed} votes and has {members} who may vote: {group.Needed - members} lacking. "
        + "Give more members a role of the group, name more users, or let fewer votes be enough.";

    private static string Progress(Counted x) => $"{x.Shown.Yes} of {x.Shown.Needed} from {x.Shown.Name}";

    private static HashSet<string> Ids(IEnumerable<string> users) => new(users, StringComparer.OrdinalIgnoreCase);

    private static bool IsSame(string one, string other) => string.Equals(one, other, StringComparison.OrdinalIgnoreCase);

    /// <param name="Members">All who are of the group.</param>
    /// <param name="Voters">Those of them whose votes count.</param>
    private sealed record Counted(ApprovalGroup Group, IReadOnlyList<Member> Members, IReadOnlyList<Member> Voters, IReadOnlyList<Ballot> Ballots, GroupTally Shown);
}
