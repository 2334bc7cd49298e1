using System.Text.Json;
using OpsPlatform.Contracts;
using OpsPlatform.OperationTracking.Reports;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>
/// How far an operation is: what was written down, with what was heard since laid over it by the rules that the database will go by when it
/// is written too.
/// </summary>
internal sealed record Progress(
    OperationStatus Status,
    int Attempt,
    long Sequence,
    double Percentage,
    int Step,
    string? StepDescription,
    long? Done,
    long? Total,
    long? Failed,
    long? Skipped,
    long? Bytes,
    string? Message,
    string? Error,
    DateTimeOffset? StartedAt,
    DateTimeOffset? AdvancedAt,
    DateTimeOffset? HeardAt,
    DateTimeOffset? RetryAt,
    Guid? BlockedBy,
    IReadOnlyList<OperationEffect> Effects,
    BookedTime Time)
{
    private static readonly TimeSpan StuckAfter = TimeSpan.FromMinutes(1);

    /// <summary>Reports come every few seconds while the worker lives.</summary>
    private static readonly TimeSpan AliveFor = TimeSpan.FromSeconds(30);

    /// <summary>Tells one state from another.</summary>
    public string Version => $"{Attempt}.{Sequence}.{JsonNamingPolicy.SnakeCaseLower.ConvertName(Status.ToString())}{(WaitsForTurn ? $".{Time.Running}{BlockedBy:N}" : "")}";

    private bool WaitsForTurn => Status is OperationStatus.Queued or OperationStatus.Approved && Time.Running is TimeCause.Lock or TimeCause.RateLimit;

    private bool IsAtWork => Status is OperationStatus.InProgress or OperationStatus.Cancelling;

    public static Progress Of(Operation row, Heard? heard)
    {
        var written = new Progress(
            row.Status, row.Attempt, row.Sequence, row.ProgressPercentage, row.CurrentStep, row.StepDescription, row.Done, row.Total, row.Failed, row.Skipped,
            row.Bytes, row.Message, row.ErrorMessage, row.StartedAt, row.AdvancedAt, row.ReportedAt, row.RetryAt,
            row.BlockedBy, EffectRules.Read(row.Effects), BookedTime.Of(row));
        return row.IsOver || heard is null || heard.Version.CompareTo((row.Attempt, row.Sequence)) <= 0
            ? written
            : heard.IsOnlyWait ? written.Waiting(heard.Report)
            : heard.IsWait ? written.With(heard.Report, heard.ReplannedAt, row).Waiting(heard.Report)
            : written.With(heard.Report, heard.ReplannedAt, row);
    }

    public bool IsStuck(DateTimeOffset now) => IsAtWork && HeardAt >= now - AliveFor && AdvancedAt <= now - StuckAfter;

    private Progress With(OperationReported heard, long? replannedAt, Operation row)
    {
        var begins = heard.Attempt > Attempt;
        var time = Time;
        var status = Status;
        if (begins && status is OperationStatus.Queued or OperationStatus.Approved)
        {
            (status, time) = (OperationStatus.InProgress, time.Then(TimeCause.Work, heard.StartedAt));
        }

        if (status is OperationStatus.InProgress or OperationStatus.WaitingExternal)
        {
            var cause = Enum.TryParse<TimeCause>(heard.Cause.Replace("_", "", StringComparison.Ordinal), ignoreCase: true, out var told) ? told : TimeCause.Work;
            (status, time) = heard.RetryAt is not null ? (OperationStatus.Queued, time.Then(TimeCause.Retry, heard.At))
                : (cause == TimeCause.External ? OperationStatus.WaitingExternal : OperationStatus.InProgress, time.Then(cause, heard.At));
        }

        return new(
            status, heard.Attempt, heard.Sequence,
            begins || replannedAt > Sequence ? heard.Percent : Math.Max(Percentage, heard.Percent),
            heard.Step, row.NameOfStep(heard.Step), heard.Done, heard.Total, heard.Failed, heard.Skipped, heard.Bytes, heard.Message,
            heard.Error ?? (begins ? null : Error),
            begins ? heard.StartedAt : StartedAt, heard.AdvancedAt, heard.At, heard.RetryAt ?? (begins ? null : RetryAt), heard.BlockedBy, heard.Effects ?? Effects, time);
    }

    /// <summary>What has begun, has ended or waits for approval waits for nothing else.</summary>
    private Progress Waiting(OperationReported heard)
    {
        var progress = this;
        if (Status is OperationStatus.InProgress or OperationStatus.WaitingExternal && heard.RetryAt is not null && heard.Attempt == Attempt)
        {
            progress = progress with { Status = OperationStatus.Queued, RetryAt = heard.RetryAt, Error = heard.Error ?? Error, Time = Time.Then(TimeCause.Retry, heard.At) };
        }

        if (progress.Status is not (OperationStatus.Queued or OperationStatus.Approved))
        {
            return this;
        }

        var cause = heard.Cause switch
        {
            "lock" => TimeCause.Lock,
            "rate_limit" => TimeCause.RateLimit,
            _ => heard.Attempt == 0 ? TimeCause.Queue : TimeCause.Retry,
        };
        return progress with { Sequence = heard.Sequence, BlockedBy = cause == TimeCause.Lock ? heard.BlockedBy : null, Time = progress.Time.Then(cause, heard.At) };
    }
}

/// <summary>Where an operation's time went, in whole milliseconds.</summary>
/// <param name="Since">Since when the running cause is not booked yet.</param>
/// <param name="Running">Null when the operation has ended.</param>
internal sealed record BookedTime(
    long QueueMs, long ApprovalMs, long LockMs, long RateLimitMs, long ExternalMs, long RetryMs, long WorkMs, DateTimeOffset Since, TimeCause? Running)
{
    public static BookedTime Of(Operation row) => new(
        row.QueueMs, row.ApprovalMs, row.LockMs, row.RateLimitMs, row.ExternalMs, row.RetryMs, row.WorkMs, row.CauseSince, row.IsOver ? null : row.Cause);

    /// <summary>The running cause ends and another begins.</summary>
    public BookedTime Then(TimeCause next, DateTimeOffset at)
    {
        // Clocks differ from machine to machine: no cause ends before it began.
        var moment = at > Since ? at : Since;
        return next == Running ? this : UpTo(moment) with { Since = moment, Running = next };
    }

    public BookedTime UpTo(DateTimeOffset moment)
    {
        var ms = Math.Max(0, moment.ToUnixTimeMilliseconds() - Since.ToUnixTimeMilliseconds());
        return Running switch
        {
            TimeCause.Queue => this with { QueueMs = QueueMs + ms },
            TimeCause.Approval => this with { ApprovalMs = ApprovalMs + ms },
            TimeCause.Lock => this with { LockMs = LockMs + ms },
            TimeCause.RateLimit => this with { RateLimitMs = RateLimitMs + ms },
            TimeCause.External => this with { ExternalMs = ExternalMs + ms },
            TimeCause.Retry => this with { RetryMs = RetryMs + ms },
            TimeCause.Work => this with { WorkMs = WorkMs + ms },
            _ => this,
        };
    }
}
