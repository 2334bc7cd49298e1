using OpsPlatform.Contracts;
using OpsPlatform.OperationTracking.Operations;

namespace OpsPlatform.OperationTracking.Approvals;

/// <summary>An operation that needs agreement, with all that says how far it is.</summary>
/// <param name="Votes">All there were, the oldest first.</param>
internal sealed record Held(Operation Row, Approval Approval, OperationPlan Plan, IReadOnlyList<Vote> Votes)
{
    public bool IsWaiting => Row.Status == OperationStatus.WaitingForApproval;

    public IReadOnlyList<(string Path, string Message)> Faults => PolicyRules.Faults(Plan.Policy);

    /// <summary>When those who have not voted are to be reminded; null when they were, or never are.</summary>
    public DateTimeOffset? RemindAt => Approval.RemindedAt is null ? After(Plan.Policy.ReminderMinutes) : null;

    public DateTimeOffset? EscalateAt => Approval.EscalatedAt is null ? After(Plan.Policy.EscalationMinutes) : null;

    /// <summary>By a faulty policy nobody is asked.</summary>
    /// <param name="isEscalated">Unless told, whether it was.</param>
    public Tally Count(IReadOnlyCollection<Member> members, bool? isEscalated = null) => new(
        Faults.Count == 0 ? Plan : Plan with { Policy = new([]) }, Row.UserId, isEscalated ?? Approval.EscalatedAt is not null, members,
        [.. Votes.Where(vote => vote.State == VoteState.Counts).Select(vote => new Ballot(vote.Voter, vote.VoterName, vote.Decision == Decision.Approve, vote.Reason))]);

    private DateTimeOffset? After(int? minutes) => minutes is { } some ? Approval.AskedAt.AddMinutes(some) : null;
}
