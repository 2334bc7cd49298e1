using System.Text.Json;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.OperationTracking.Operations;

internal enum OperationStatus
{
    Queued,
    WaitingForApproval,
    Approved,
    InProgress,
    WaitingExternal,
    Cancelling,
    Completed,
    Failed,
    Denied,
    Cancelled,
    Expired,
    TimedOut,
}

/// <summary>What an operation's time goes by.</summary>
internal enum TimeCause
{
    Queue,
    Approval,
    Lock,
    RateLimit,
    External,
    Retry,
    Work,
}

/// <summary>A long-running piece of work as it was last written down. The database alone changes it, by the moves it allows.</summary>
internal sealed class Operation
{
    private string[]? _stepNames;

    public Guid OrgId { get; init; }

    public Guid Id { get; init; }

    public required string OperationType { get; init; }

    public required string Service { get; init; }

    public required string DisplayName { get; init; }

    public required string UserId { get; init; }

    public string? EntityType { get; init; }

    public string? EntityId { get; init; }

    public OperationStatus Status { get; init; }

    public double ProgressPercentage { get; init; }

    public int CurrentStep { get; init; }

    public int TotalSteps { get; init; }

    /// <summary>JSON array of <see cref="Contracts.OperationStep"/>, in their order.</summary>
    public required string Steps { get; init; }

    public string? StepDescription { get; init; }

    public long? Done { get; init; }

    public long? Total { get; init; }

    public long? Failed { get; init; }

    public long? Skipped { get; init; }

    public long? Bytes { get; init; }

    public string? Message { get; init; }

    public string? Context { get; init; }

    public required string[] Tags { get; init; }

    public string? Result { get; init; }

    public string? ErrorMessage { get; init; }

    public int Attempt { get; init; }

    public int MaxAttempts { get; init; }

    public long Sequence { get; init; }

    public DateTimeOffset QueuedAt { get; init; }

    /// <summary>When the attempt at hand, or the last one, began.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? AdvancedAt { get; init; }

    public DateTimeOffset? ReportedAt { get; init; }

    public DateTimeOffset? RetryAt { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }

    public DateTimeOffset? CompletedAt { get; init; }

    public string? CancelledBy { get; init; }

    public string? CancelReason { get; init; }

    /// <summary>JSON array of <see cref="Contracts.OperationEffect"/>; null when nothing was said.</summary>
    public string? Effects { get; init; }

    /// <summary>The <see cref="Contracts.OperationPlan"/> as JSON, of an operation that needs agreement.</summary>
    public string? Plan { get; init; }

    /// <summary>An <see cref="OperationApproval"/> as JSON, of an operation that needs agreement.</summary>
    public string? Approval { get; init; }

    /// <summary>Rises whenever something about the approval changes.</summary>
    public int ApprovalVersion { get; init; }

    /// <summary>Its service can undo it once it has ended.</summary>
    public bool CanUndo { get; init; }

    /// <summary>The operation that this one undoes.</summary>
    public Guid? Undoes { get; init; }

    /// <summary>The operation that undoes this one.</summary>
    public Guid? UndoneBy { get; init; }

    public TimeCause Cause { get; init; }

    /// <summary>The operation in the way, while the cause is a lock.</summary>
    public Guid? BlockedBy { get; init; }

    public long QueueMs { get; init; }

    public long ApprovalMs { get; init; }

    public long LockMs { get; init; }

    public long RateLimitMs { get; init; }

    public long ExternalMs { get; init; }

    public long RetryMs { get; init; }

    public long WorkMs { get; init; }

    /// <summary>Since when the time is not booked yet.</summary>
    public DateTimeOffset CauseSince { get; init; }

    /// <summary>Perhaps of an operation that nothing was heard of yet.</summary>
    public Guid? ParentId { get; init; }

    /// <summary>It is a batch: nobody works on it, and its children say how far it is.</summary>
    public bool RollsUp { get; init; }

    public int? ExpectedChildren { get; init; }

    public bool IsClosed { get; init; }

    /// <summary>An <see cref="OperationChildren"/> as JSON, of a batch that has some.</summary>
    public string? Children { get; init; }

    /// <summary>When a batch will have ended, as far as that is known.</summary>
    public DateTimeOffset? EndsP50At { get; init; }

    public DateTimeOffset? EndsP90At { get; init; }

    /// <summary>A batch's children that had failed by then are to be tried again; null once they are.</summary>
    public DateTimeOffset? RetryAskedAt { get; init; }

    public string? RetryAskedBy { get; init; }

    public bool IsOver => CompletedAt is not null;

    /// <param name="step">From 1.</param>
    /// <returns>Null when there is none.</returns>
    public string? NameOfStep(int step)
    {
        // Asked for each state that anybody is shown.
        _stepNames ??= [.. JsonElement.Parse(Steps).EnumerateArray().Select(one => one.GetProperty("name").GetString()!)];
        return step >= 1 && step <= _stepNames.Length ? _stepNames[step - 1] : null;
    }

    /// <param name="step">From 1; 0 before the first.</param>
    public CancelKind CancelKindAt(int step) => StepCancel.At(JsonSerializer.Deserialize<OperationStep[]>(Steps, Json.Options)!, step) switch
    {
        StepCancel.Final => CancelKind.Final,
        StepCancel.Compensating => CancelKind.Compensating,
        _ => CancelKind.Cancellable,
    };
}

/// <summary>Finds operations by tag, the latest first.</summary>
internal sealed class OperationTag
{
    public Guid OrgId { get; init; }

    public required string Tag { get; init; }

    public DateTimeOffset QueuedAt { get; init; }

    public Guid OperationId { get; init; }
}
