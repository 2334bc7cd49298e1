using System.Text.Json.Serialization;

namespace OpsPlatform.Contracts;

/// <summary>What an operation would do, for those who have to agree. Votes are cast on the digest: another plan needs other votes.</summary>
/// <param name="Digest">SHA-256 of all that would be changed, in hexadecimal; the service decides what goes into it.</param>
/// <param name="Effect">A JSON object for people: what would be changed and what cannot be undone, at most 16 KiB.</param>
/// <param name="Records">How many records are touched.</param>
/// <param name="Money">How much money, in the organisation's currency.</param>
/// <param name="Deletions">How many records are gone afterwards.</param>
public sealed record OperationPlan(
    string Digest,
    [property: JsonConverter(typeof(RawJson))] string Effect,
    ApprovalPolicy Policy,
    long Records = 0,
    decimal Money = 0,
    long Deletions = 0);

/// <summary>Who has to agree before an operation may begin.</summary>
/// <param name="Groups">Each has to reach its votes.</param>
/// <param name="InOrder">A group is asked when the one before has agreed; otherwise all at once.</param>
/// <param name="AllowsOwnVote">Whether the operation's own user may vote.</param>
/// <param name="DeadlineMinutes">Undecided after so long, it has expired.</param>
/// <param name="ReminderMinutes">After so long those who have not voted are reminded, once; null for never.</param>
/// <param name="EscalationMinutes">After so long <paramref name="EscalateTo"/> may decide alone; null for never.</param>
/// <param name="EscalateTo">A group whose votes are then enough by themselves.</param>
/// <param name="Levels">Groups that are asked besides when the effect is large.</param>
public sealed record ApprovalPolicy(
    IReadOnlyList<ApprovalGroup> Groups,
    bool InOrder = false,
    bool AllowsOwnVote = false,
    int DeadlineMinutes = 3 * 24 * 60,
    int? ReminderMinutes = null,
    int? EscalationMinutes = null,
    ApprovalGroup? EscalateTo = null,
    IReadOnlyList<ApprovalLevel>? Levels = null);

/// <summary>Members of the organisation of whom so many have to agree.</summary>
/// <param name="Votes">How many have to agree; at least 1.</param>
/// <param name="Roles">Members of these roles belong to it.</param>
/// <param name="Users">These belong to it as well, as long as they are members of the organisation.</param>
/// <param name="HasVeto">One refusal is enough to deny; otherwise it is denied once its votes cannot be reached any more.</param>
public sealed record ApprovalGroup(string Name, int Votes, IReadOnlyList<string>? Roles = null, IReadOnlyList<string>? Users = null, bool HasVeto = false);

/// <summary>Reached when the effect is at least as large as any of these.</summary>
public sealed record ApprovalLevel(IReadOnlyList<ApprovalGroup> Groups, long? Records = null, decimal? Money = null, long? Deletions = null);

/// <summary>What the operation would do has changed: the votes on the plan before count no more.</summary>
public sealed record OperationReplanned(Guid OperationId, OperationPlan Plan, DateTimeOffset At);

/// <summary>Those who had to agree to the plan have: the service named may begin, if that is still its plan.</summary>
public sealed record OperationApproved(Guid OperationId, string Service, string Digest);

/// <summary>The operation will not be done: it was denied, or nobody decided in time. It is over; the service named lets go of the work.</summary>
/// <param name="Outcome">denied or expired.</param>
public sealed record OperationDenied(Guid OperationId, string Service, string Outcome, string Reason);

/// <summary>Somebody wants an operation that failed to be tried again; the service named goes on from where it got to, or says with <see cref="OperationEnded"/> why not.</summary>
/// <param name="UserId">Who asked.</param>
public sealed record OperationRetried(Guid OperationId, string Service, string UserId);
