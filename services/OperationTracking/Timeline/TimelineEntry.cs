namespace OpsPlatform.OperationTracking.Timeline;

/// <summary>Something that happened to an operation, and its link in the organisation's chain.</summary>
internal sealed class TimelineEntry
{
    public Guid OrgId { get; init; }

    /// <summary>In the organisation's timeline: 1, 2, 3 … without holes.</summary>
    public long Position { get; init; }

    public Guid OperationId { get; init; }

    public DateTimeOffset At { get; init; }

    public required string Event { get; init; }

    public required string Actor { get; init; }

    public string? Reason { get; init; }

    public Guid? CorrelationId { get; init; }

    /// <summary>JSON as the database writes it.</summary>
    public required string Details { get; init; }

    public required byte[] Hash { get; init; }
}

/// <summary>How far an organisation's timeline goes.</summary>
internal sealed class TimelineHead
{
    public Guid OrgId { get; init; }

    public long Position { get; init; }

    public required byte[] Hash { get; init; }
}
