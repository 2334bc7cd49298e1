using System.Text.Json;

namespace OpsPlatform.OperationTracking.Reports;

/// <summary>Reports as apply_reports reads them.</summary>
internal static class ReportRows
{
    private static readonly JsonSerializerOptions Options = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static string Json(IEnumerable<Heard> reports) => JsonSerializer.Serialize(
        reports.Select(x => new
        {
            Id = x.Report.OperationId,
            x.Report.Attempt,
            x.Report.Sequence,
            x.Report.At,
            x.Report.StartedAt,
            x.Report.AdvancedAt,
            x.Report.Step,
            x.Report.Percent,
            x.Report.Done,
            x.Report.Total,
            x.Report.Failed,
            x.Report.Skipped,
            x.Report.Bytes,
            x.Report.Message,
            x.ReplannedAt,
            x.Report.RetryAt,
            x.Report.Error,
            ToldCause = x.Report.Cause,
            x.Report.BlockedBy,
            Effects = EffectRules.Row(x.Report.Effects),
            Metadata = x.Report.Metadata is { } metadata ? JsonElement.Parse(metadata) : (JsonElement?)null,
            x.IsWait,
            CorrelationId = x.Correlation,
        }), Options);
}
