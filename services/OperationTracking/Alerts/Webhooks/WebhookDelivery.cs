namespace OpsPlatform.OperationTracking.Alerts.Webhooks;

internal enum DeliveryState
{
    Pending,
    Delivered,
    Failed,
}

/// <summary>Something a webhook is told. Written in the transaction of what it tells of.</summary>
internal sealed class WebhookDelivery
{
    public Guid OrgId { get; init; }

    /// <summary>What the receiver knows it by, however often it is sent.</summary>
    public Guid Id { get; init; }

    public Guid WebhookId { get; init; }

    public required string Event { get; init; }

    public Guid? OperationId { get; init; }

    /// <summary>JSON, to the byte as it is sent and signed.</summary>
    public required string Body { get; init; }

    public DeliveryState State { get; init; }

    public int Attempts { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset NextAttemptAt { get; init; }

    public DateTimeOffset? AttemptedAt { get; init; }

    public int? StatusCode { get; init; }

    public string? Answer { get; init; }

    public string? Error { get; init; }

    public int? DurationMs { get; init; }
}

/// <param name="Id">The receiver's webhook-id, the same in every attempt.</param>
/// <param name="State">pending until it got through (delivered) or no attempt is left (failed).</param>
/// <param name="StatusCode">Of the last attempt, as the answer, the error and the duration; null when no answer came.</param>
/// <param name="Answer">The first 1,024 bytes of it.</param>
/// <param name="Error">Why no answer came.</param>
/// <param name="NextAttemptAt">Null when there is none.</param>
internal sealed record DeliveryView(
    Guid Id, string Event, Guid? OperationId, DeliveryState State, int Attempts, int? StatusCode, string? Answer, string? Error, int? DurationMs,
    DateTimeOffset CreatedAt, DateTimeOffset? AttemptedAt, DateTimeOffset? NextAttemptAt)
{
    public static DeliveryView Of(WebhookDelivery row) => new(
        row.Id, row.Event, row.OperationId, row.State, row.Attempts, row.StatusCode, row.Answer, row.Error, row.DurationMs,
        row.CreatedAt, row.AttemptedAt, row.State == DeliveryState.Pending ? row.NextAttemptAt : null);
}
