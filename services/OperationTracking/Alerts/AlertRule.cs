using System.ComponentModel.DataAnnotations;

namespace OpsPlatform.OperationTracking.Alerts;

internal sealed class AlertRule
{
    public Guid OrgId { get; init; }

    public Guid Id { get; init; }

    public required string Name { get; set; }

    public AlertKind Kind { get; set; }

    public string? OperationType { get; set; }

    public int Seconds { get; set; }

    public double? Percent { get; set; }

    public int? Last { get; set; }

    public DateTimeOffset CreatedAt { get; init; }
}

/// <summary>In force for an organisation that has no rule of its kind.</summary>
internal sealed class DefaultAlertRule
{
    public Guid Id { get; init; }

    public required string Name { get; init; }

    public AlertKind Kind { get; init; }

    public int Seconds { get; init; }

    public double? Percent { get; init; }

    public int? Last { get; init; }
}

/// <param name="OperationType">Null for every type; a failure rate is each type's own.</param>
/// <param name="Seconds">How long it may last (60; 3,600 for waiting); of a failure_rate, how far back operations count (86,400).</param>
/// <param name="Percent">Of a failure_rate only: more than so many failed or timed out (50).</param>
/// <param name="Last">Of a failure_rate only: of so many that completed, failed or timed out last (20).</param>
internal sealed record AlertRuleRequest(
    [property: Required, MaxLength(AlertRuleRequest.MaxText)] string Name,
    AlertKind Kind,
    [property: MinLength(1), MaxLength(AlertRuleRequest.MaxText)] string? OperationType = null,
    [property: Range(1, AlertRuleRequest.MaxSeconds)] int? Seconds = null,
    [property: Range(0, 99.9)] double? Percent = null,
    [property: Range(1, AlertRuleRequest.MaxLast)] int? Last = null) : IValidatableObject
{
    private const int MaxText = 200;
    private const int MaxSeconds = 30 * 24 * 60 * 60;
    private const int MaxLast = 1_000;

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
        Kind == AlertKind.FailureRate || (Percent is null && Last is null) ? [] : [new("only a failure_rate has percent and last", [nameof(Percent), nameof(Last)])];

    public void Fill(AlertRule rule)
    {
        (rule.Name, rule.Kind, rule.OperationType) = (Name, Kind, OperationType);
        rule.Seconds = Seconds ?? Kind switch { AlertKind.Waiting => 3_600, AlertKind.FailureRate => 86_400, _ => 60 };
        rule.Percent = Kind == AlertKind.FailureRate ? Percent ?? 50 : null;
        rule.Last = Kind == AlertKind.FailureRate ? Last ?? 20 : null;
    }
}

/// <param name="Id">Null for what is built in.</param>
/// <param name="Seconds">How long it may last; of a failure_rate, how far back operations count.</param>
/// <param name="Percent">Of a failure_rate: more than so many of the last failed or timed out.</param>
/// <param name="IsDefault">Built in; in force until the organisation has a rule of this kind.</param>
internal sealed record AlertRuleView(Guid? Id, string Name, AlertKind Kind, string? OperationType, int Seconds, double? Percent, int? Last, bool IsDefault)
{
    public static AlertRuleView Of(AlertRule rule) => new(rule.Id, rule.Name, rule.Kind, rule.OperationType, rule.Seconds, rule.Percent, rule.Last, false);

    public static AlertRuleView Of(DefaultAlertRule rule) => new(null, rule.Name, rule.Kind, null, rule.Seconds, rule.Percent, rule.Last, true);
}
