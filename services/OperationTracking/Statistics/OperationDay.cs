namespace OpsPlatform.OperationTracking.Statistics;

/// <summary>What became of the operations of a type that ended on a day; counted by the database.</summary>
internal sealed class OperationDay
{
    public Guid OrgId { get; init; }

    public required string OperationType { get; init; }

    /// <summary>UTC.</summary>
    public DateOnly Day { get; init; }

    public long Completed { get; init; }

    public long Failed { get; init; }

    public long Denied { get; init; }

    public long Cancelled { get; init; }

    public long Expired { get; init; }

    public long TimedOut { get; init; }

    public long QueueMs { get; init; }

    public long ApprovalMs { get; init; }

    public long LockMs { get; init; }

    public long RateLimitMs { get; init; }

    public long ExternalMs { get; init; }

    public long RetryMs { get; init; }

    public long WorkMs { get; init; }

    /// <summary>Of those completed: how many had a forecast.</summary>
    public long Forecasts { get; init; }

    public long WithinP50 { get; init; }

    public long WithinP90 { get; init; }
}

/// <summary>How many operations of a type and size took about so long; see <see cref="Durations"/>.</summary>
internal sealed class OperationDuration
{
    public Guid OrgId { get; init; }

    public required string OperationType { get; init; }

    public DateOnly Day { get; init; }

    public short SizeClass { get; init; }

    public short Bucket { get; init; }

    public long Operations { get; init; }
}
