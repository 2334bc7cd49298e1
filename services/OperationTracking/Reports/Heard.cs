using OpsPlatform.Contracts;

namespace OpsPlatform.OperationTracking.Reports;

/// <summary>A report with what earlier ones of its attempt said that still counts.</summary>
/// <param name="ReplannedAt">Sequence of the attempt's latest report that changed the plan: shares done before it are out of date.</param>
internal sealed record Heard(OperationReported Report, Guid Correlation, long? ReplannedAt)
{
    public (int Attempt, long Sequence) Version => (Report.Attempt, Report.Sequence);

    /// <summary>It tells what the operation waits for until it is begun, for the first time or again.</summary>
    public bool IsWait => Report.Attempt == 0 || (Report.RetryAt is not null && Report.Cause is "queue" or "lock" or "rate_limit");

    /// <summary>And nothing else.</summary>
    public bool IsOnlyWait => IsWait && Report.Step == 0;

    /// <summary>Whether another chapter begins with it: what was told before of an attempt that failed, or of what was waited for, has a time of its own.</summary>
    public bool IsNext(Heard before) => (before.IsWait || before.Report.RetryAt is not null) && (Report.Attempt > before.Report.Attempt || IsWait != before.IsWait);

    public static Heard Of(OperationReported report, Guid correlation) => new(report, correlation, report.IsReplanned ? report.Sequence : null);

    /// <summary>Never backwards but by a new plan or a new attempt. Effects and metadata stay until others are told of, and all does when only a wait is.</summary>
    public Heard Then(Heard later)
    {
        if (later.IsOnlyWait && later.Report.Attempt == Report.Attempt)
        {
            return this with
            {
                Report = Report with
                {
                    Sequence = later.Report.Sequence,
                    At = later.Report.At,
                    RetryAt = later.Report.RetryAt,
                    Error = later.Report.Error ?? Report.Error,
                    Cause = later.Report.Cause,
                    BlockedBy = later.Report.BlockedBy,
                },
            };
        }

        var report = later.Report with { Effects = later.Report.Effects ?? Report.Effects, Metadata = later.Report.Metadata ?? Report.Metadata };
        return later.Report.Attempt > Report.Attempt || later.ReplannedAt is not null
            ? later with { Report = report }
            : later with { Report = report with { Percent = Math.Max(Report.Percent, report.Percent) }, ReplannedAt = ReplannedAt };
    }

    public Heard WithoutMetadata() => Report.Metadata is null ? this : this with { Report = Report with { Metadata = null } };
}
