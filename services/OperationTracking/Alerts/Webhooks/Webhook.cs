using System.ComponentModel.DataAnnotations;

namespace OpsPlatform.OperationTracking.Alerts.Webhooks;

internal enum WebhookDisabled
{
    /// <summary>Somebody wants it so.</summary>
    Paused,

    /// <summary>Its receiver answered 410.</summary>
    Gone,

    /// <summary>Nothing got through for five days.</summary>
    Failing,
}

internal sealed class Webhook
{
    public Guid OrgId { get; init; }

    public Guid Id { get; init; }

    public required string Url { get; set; }

    public required string[] Events { get; set; }

    public string[]? OperationTypes { get; set; }

    public DateTimeOffset CreatedAt { get; init; }

    public WebhookDisabled? Disabled { get; set; }

    public DateTimeOffset? DisabledAt { get; set; }

    public DateTimeOffset? FailingSince { get; set; }
}

/// <summary>What a webhook is told of.</summary>
/// <param name="Url">https, without a user's name, at a public address.</param>
/// <param name="Events">Such as operation.completed; at least one.</param>
/// <param name="OperationTypes">Only of these types; null for all.</param>
/// <param name="IsEnabled">False: nothing is sent until it is changed again, and what happens meanwhile is not told later.</param>
internal sealed record WebhookRequest(
    [property: Required, MaxLength(WebhookRequest.MaxUrl)] string Url,
    [property: MinLength(1), MaxLength(WebhookRequest.MaxEvents)] IReadOnlyList<string> Events,
    [property: MinLength(1), MaxLength(WebhookRequest.MaxTypes)] IReadOnlyList<string>? OperationTypes = null,
    bool IsEnabled = true) : IValidatableObject
{
    /// <summary>webhook.test besides, which is sent for the asking.</summary>
    public static readonly IReadOnlyList<string> Known =
    [
        "operation.completed", "operation.failed", "operation.denied", "operation.cancelled", "operation.expired", "operation.timed_out",
        "operation.waiting_for_approval", "alert.opened", "alert.resolved",
    ];

    private const int MaxUrl = 2_000;
    private const int MaxEvents = 20;
    private const int MaxTypes = 50;
    private const int MaxType = 200;

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Events.Except(Known).Any())
        {
            yield return new($"must be of {string.Join(", ", Known)}", [nameof(Events)]);
        }

        if (OperationTypes?.Any(type => type is not { Length: > 0 and <= MaxType }) == true)
        {
            yield return new($"must be texts of at most {MaxType} characters", [nameof(OperationTypes)]);
        }
    }
}

/// <param name="DisabledReason">paused by somebody; gone: its receiver answered 410; failing: nothing got through for five days. PUT enables it again.</param>
/// <param name="FailingSince">Nothing has got through since.</param>
internal sealed record WebhookView(
    Guid Id, string Url, IReadOnlyList<string> Events, IReadOnlyList<string>? OperationTypes, bool IsEnabled, WebhookDisabled? DisabledReason,
    DateTimeOffset? DisabledAt, DateTimeOffset? FailingSince, DateTimeOffset CreatedAt)
{
    public static WebhookView Of(Webhook row) => new(
        row.Id, row.Url, row.Events, row.OperationTypes, row.Disabled is null, row.Disabled, row.DisabledAt, row.FailingSince, row.CreatedAt);
}
