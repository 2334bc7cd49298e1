namespace OpsPlatform.OperationTracking.Bulk;

internal enum BulkAction
{
    Cancel,
    Retry,
}

internal enum BulkOutcome
{
    Done,
    Failed,
    Skipped,
}

/// <summary>One of many operations that are cancelled or tried again together.</summary>
internal sealed class BulkItem
{
    public Guid OrgId { get; init; }

    public Guid BulkId { get; init; }

    public Guid OperationId { get; init; }

    /// <summary>Null until its turn has come.</summary>
    public BulkOutcome? Outcome { get; set; }

    public string? Error { get; set; }
}
