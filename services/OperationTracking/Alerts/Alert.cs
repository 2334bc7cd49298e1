namespace OpsPlatform.OperationTracking.Alerts;

internal enum AlertKind
{
    /// <summary>The worker lives and does not get further.</summary>
    Stuck,

    /// <summary>At work, and nothing is heard of the worker.</summary>
    Silent,

    /// <summary>Too many of the last operations of a type failed or timed out.</summary>
    FailureRate,

    /// <summary>Queued or waiting for approval for too long.</summary>
    Waiting,
}

/// <summary>Something that somebody should look at. The database alone opens and resolves it.</summary>
internal sealed class Alert
{
    public Guid OrgId { get; init; }

    public Guid Id { get; init; }

    public Guid RuleId { get; init; }

    public required string RuleName { get; init; }

    public AlertKind Kind { get; init; }

    public required string OperationType { get; init; }

    public Guid? OperationId { get; init; }

    public required string Message { get; init; }

    public DateTimeOffset OpenedAt { get; init; }

    public DateTimeOffset? ResolvedAt { get; init; }
}
