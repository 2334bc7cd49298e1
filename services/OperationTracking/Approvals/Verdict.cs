using OpsPlatform.OperationTracking.Operations;

namespace OpsPlatform.OperationTracking.Approvals;

/// <summary>What the votes, the policy or the clock decide.</summary>
internal static class Verdict
{
    /// <param name="by">The vote that may have decided; null when none was cast.</param>
    /// <returns>Null while it is undecided.</returns>
    public static Outcome? Of(Held held, Tally tally, Vote? by)
    {
        var status = tally.IsApproved ? OperationStatus.Approved : tally.DeniedFor is not null ? OperationStatus.Denied : (OperationStatus?)null;
        return status is { } decided
            ? new(decided, new(
                decided == OperationStatus.Approved ? "approved" : "denied",
                by?.Voter ?? Approving.Self,
                tally.DeniedFor,
                new { held.Approval.Digest, by?.Voter, by?.VoterName, by?.Decision, by?.Reason, Groups = tally.Groups }))
            : null;
    }

    public static Outcome Expired(Held held) => Ended(
        held, OperationStatus.Expired, "expired",
        $"Nobody decided until {held.Approval.DueAt:u}: {Summary(held)}. Start it again if it is still wanted.");

    /// <summary>A policy that asks nobody, or nobody that there could be.</summary>
    public static Outcome Malformed(Held held) => Ended(
        held, OperationStatus.Denied, "denied",
        $"Its policy cannot be asked for. {string.Join("; ", held.Faults.Take(5).Select(x => $"{x.Path} {x.Message}"))}.");

    private static string Summary(Held held) => held.Row.Approval is { } shown ? OperationApproval.Of(shown).Needed : "";

    private static Outcome Ended(Held held, OperationStatus status, string told, string reason) =>
        new(status, new(told, Approving.Self, reason, new { held.Approval.Digest }));
}
