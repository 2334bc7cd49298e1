using OpsPlatform.Contracts;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.OperationTracking.Reports;

/// <summary>Keeps how far operations are in memory and wakes who follows them; from there it is written down now and then.</summary>
internal sealed class TakeReports(LatestReports latest, OperationWatch watches) : IHearLatest<OperationReported>
{
    private const int MaxMessage = 1_000;
    private const int MaxError = 2_000;
    private const int MaxMetadataBytes = 256 * 1024;

    public Task Hear(IReadOnlyList<Envelope<OperationReported>> messages, CancellationToken cancel)
    {
        List<(Guid Org, Guid Id)> taken = [];
        try
        {
            foreach (var envelope in messages)
            {
                // Of no organisation it is nobody's operation.
                if (envelope is { OrgId: { } org, Message: { Attempt: >= 0, Sequence: >= 0 } report } && latest.TryTake(org, Heard.Of(Storable(report), envelope.CorrelationId)))
                {
                    taken.Add((org, report.OperationId));
                }
            }
        }
        finally
        {
            // After all are taken: who follows several of them tells of these together.
            taken.ForEach(one => watches.Reported(one.Org, one.Id));
        }

        return Task.CompletedTask;
    }

    /// <summary>As the table takes it: what a worker tells wrongly must not keep others' reports from being written.</summary>
    public static OperationReported Storable(OperationReported report) => report.Attempt == 0 ? Waits(report) : report with
    {
        Percent = double.IsFinite(report.Percent) ? Math.Clamp(report.Percent, 0, 100) : 0,
        Step = Math.Max(0, report.Step),
        Cause = report.Cause is "lock" or "rate_limit" or "external" || (report.Cause == "queue" && report.RetryAt is not null) ? report.Cause : "work",
        Message = Text.Storable(report.Message, MaxMessage),
        Error = Text.Storable(report.Error, MaxError),
        Effects = EffectRules.Storable(report.Effects),
        Metadata = Text.ObjectOrNull(report.Metadata, MaxMetadataBytes),
    };

    /// <summary>Before the first attempt nothing else can be told.</summary>
    private static OperationReported Waits(OperationReported report) => new(
        report.OperationId, 0, report.Sequence, report.At, report.At, report.At, Step: 0, Percent: 0,
        Cause: report.Cause is "lock" or "rate_limit" ? report.Cause : "queue", BlockedBy: report.BlockedBy);
}
