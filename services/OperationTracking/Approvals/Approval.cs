namespace OpsPlatform.OperationTracking.Approvals;

internal enum ApprovalState
{
    Open,

    /// <summary>Those who had to agree to the plan of the digest have.</summary>
    Approved,
    Closed,
}

/// <summary>The agreement that an operation needs to the plan it goes by.</summary>
internal sealed class Approval
{
    public Guid OrgId { get; init; }

    public Guid OperationId { get; init; }

    public required string Digest { get; init; }

    /// <summary>When the service made the plan, by its own clock; null for the plan it started with.</summary>
    public DateTimeOffset? PlannedAt { get; init; }

    public ApprovalState State { get; init; }

    public DateTimeOffset AskedAt { get; init; }

    public DateTimeOffset DueAt { get; init; }

    public DateTimeOffset? RemindedAt { get; init; }

    public DateTimeOffset? EscalatedAt { get; init; }

    public DateTimeOffset NextLookAt { get; init; }

    /// <summary>JSON array of <see cref="GroupTally"/>, as they were counted last.</summary>
    public required string Groups { get; init; }
}

internal enum Decision
{
    Approve,
    Deny,
}

internal enum VoteState
{
    Counts,

    /// <summary>By the voter's next one.</summary>
    Replaced,

    /// <summary>With the plan it was cast on.</summary>
    Lapsed,
}

internal sealed class Vote
{
    public Guid OrgId { get; init; }

    public Guid OperationId { get; init; }

    /// <summary>1, 2, 3 … of the operation.</summary>
    public int Number { get; init; }

    public required string Voter { get; init; }

    public required string VoterName { get; init; }

    public Decision Decision { get; init; }

    public string? Reason { get; init; }

    public DateTimeOffset At { get; init; }

    public required string Digest { get; init; }

    public VoteState State { get; init; }
}

/// <summary>The effect of a plan that votes were asked for.</summary>
internal sealed class AskedPlan
{
    public Guid OrgId { get; init; }

    public Guid OperationId { get; init; }

    public required string Digest { get; init; }

    public required string Effect { get; init; }
}

/// <summary>A plan of an operation that nothing else was heard of yet.</summary>
internal sealed class EarlyPlan
{
    public Guid OrgId { get; init; }

    public Guid OperationId { get; init; }

    public required string Plan { get; init; }

    public DateTimeOffset At { get; init; }

    public required string Actor { get; init; }

    public Guid CorrelationId { get; init; }
}
