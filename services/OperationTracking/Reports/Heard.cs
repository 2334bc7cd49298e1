using OpsPlatform.Contracts;

namespace OpsPlatform.OperationTracking.Reports;

/// <summary>A report with what earlier ones of its attempt said that still counts.</summary>
/// <param name="ReplannedAt">Sequence of the attempt's latest report that changed the plan: shares done before it are out of date.</param>
internal sealed record Heard(OperationReported Report, Guid Correlation, long? ReplannedAt)
{
    public (int Attempt, long Sequence) Version => (Report.Attempt, Report.Sequence);

    public static Heard Of(OperationReported report, Guid correlation) => new(report, correlation, report.IsReplanned ? report.Sequence : null);

    /// <summary>Never backwards but by a new plan or a new attempt. Effects stay until others are told of.</summary>
    public Heard Then(Heard later)
    {
        var effects = later.Report.Effects ?? Report.Effects;
        return later.Report.Attempt > Report.Attempt || later.ReplannedAt is not null
            ? later with { Report = later.Report with { Effects = effects } }
            : later with { Report = later.Report with { Percent = Math.Max(Report.Percent, later.Report.Percent), Effects = effects }, ReplannedAt = ReplannedAt };
    }
}
