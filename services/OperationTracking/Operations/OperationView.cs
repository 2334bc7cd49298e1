using System.Text.Json;
using OpsPlatform.Contracts;
using OpsPlatform.OperationTracking.Reports;
using OpsPlatform.OperationTracking.Statistics;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>An operation as the API shows it.</summary>
/// <param name="CurrentStep">From 1; 0 before the first attempt.</param>
/// <param name="TimeRemaining">Seconds, by the rate of the attempt at hand and by how long others of its type and size took: it ends as often earlier as later. Null while that cannot be told.</param>
/// <param name="TimeRemainingP90">Seconds; nine of ten end earlier.</param>
/// <param name="RetryAt">When the next attempt begins, after one that failed for what errorMessage says.</param>
/// <param name="StartedAt">When the attempt at hand, or the last one, began.</param>
/// <param name="IsStuck">Its worker lives and has not got further for a minute.</param>
/// <param name="LastHeardAt">Of its worker's last report.</param>
/// <param name="BlockedBy">The operation in the way, while this one waits for a lock.</param>
/// <param name="Effects">What it has done so far and that stays; of one that has ended, what it has done.</param>
/// <param name="Undo">Whether its service can undo it; null for work that nobody can.</param>
/// <param name="Undoes">The operation that this one undoes.</param>
/// <param name="Approval">How far the agreement to it is; null when nobody has to agree.</param>
/// <param name="ParentId">The operation it is a part of.</param>
/// <param name="Children">Operations that are parts of it; null when there are none. In lists and streams they are counted of batches only.</param>
/// <param name="Batch">Null when it is none.</param>
/// <param name="Version">Differs between any two states; for GET /operations/{id}/wait.</param>
internal sealed record OperationView(
    Guid OperationId,
    string OperationType,
    string? EntityType,
    string? EntityId,
    string DisplayName,
    OperationStatus Status,
    double ProgressPercentage,
    int CurrentStep,
    int TotalSteps,
    string? StepDescription,
    long? TimeRemaining,
    long? TimeRemainingP90,
    string? ErrorMessage,
    JsonElement? Context,
    IReadOnlyList<string> Tags,
    JsonElement? Result,
    OperationCounters Counters,
    string? Message,
    int Attempt,
    int MaxAttempts,
    DateTimeOffset? RetryAt,
    string UserId,
    string Service,
    DateTimeOffset QueuedAt,
    DateTimeOffset? StartedAt,
    DateTimeOffset UpdatedAt,
    DateTimeOffset? CompletedAt,
    string? CancelledBy,
    string? CancelReason,
    bool IsStuck,
    DateTimeOffset? LastHeardAt,
    Guid? BlockedBy,
    OperationTime Time,
    IReadOnlyList<OperationEffect> Effects,
    OperationUndo? Undo,
    Guid? Undoes,
    OperationApproval? Approval,
    Guid? ParentId,
    OperationChildren? Children,
    OperationBatch? Batch,
    string Version)
{
    /// <param name="heard">The latest report that was heard, written down or not.</param>
    public static OperationView Of(Operation row, Heard? heard, History history, DateTimeOffset now)
    {
        var progress = Progress.Of(row, heard);
        var forecast = row.RollsUp ? OperationBatch.ForecastOf(row, now) : history.Of(row, progress, now);
        var time = progress.Time.UpTo(now);
        return new(
            row.Id, row.OperationType, row.EntityType, row.EntityId, row.DisplayName, progress.Status, progress.Percentage, progress.Step, row.TotalSteps,
            progress.StepDescription, Seconds(forecast?.P50), Seconds(forecast?.P90), progress.Error, Json(row.Context), row.Tags, Json(row.Result),
            new(progress.Done, progress.Total, progress.Failed, progress.Skipped, progress.Bytes), progress.Message,
            progress.Attempt, row.MaxAttempts, progress.RetryAt, row.UserId, row.Service, row.QueuedAt, progress.StartedAt,
            // What is only heard so far counts as an update as well.
            progress.Sequence == row.Sequence && progress.Attempt == row.Attempt ? row.UpdatedAt : Later(row.UpdatedAt, progress.HeardAt),
            row.CompletedAt, row.CancelledBy, row.CancelReason, progress.IsStuck(now), row.RollsUp ? null : progress.HeardAt,
            progress.BlockedBy, OperationTime.Of(time), progress.Effects,
            row.CanUndo ? new(OperationMoves.MayUndo(row, now), row.UndoneBy) : null, row.Undoes, row.Approval is { } approval ? OperationApproval.Of(approval) : null,
            row.ParentId, row.Children is { } children ? OperationChildren.Of(children) : null, row.RollsUp ? new(row.ExpectedChildren, row.IsClosed) : null,
            // Each vote is another state; operations that nobody has to agree to have none.
            $"{progress.Version}{(row.ApprovalVersion == 0 ? "" : $".{row.ApprovalVersion}")}{(row.UndoneBy is null ? "" : ".undone")}");
    }

    private static long? Seconds(TimeSpan? span) => span is { } some ? (long)Math.Ceiling(some.TotalSeconds) : null;

    private static DateTimeOffset Later(DateTimeOffset one, DateTimeOffset? other) => other > one ? other.Value : one;

    private static JsonElement? Json(string? text) => text is null ? null : JsonElement.Parse(text);
}

/// <param name="IsPossible">It has ended, not too long ago, and nobody has undone it.</param>
/// <param name="OperationId">The operation that undoes it, once there is one.</param>
internal sealed record OperationUndo(bool IsPossible, Guid? OperationId);

/// <summary>How many of an operation's parts are where.</summary>
/// <param name="Waiting">Not begun, to be begun again, or not agreed to yet.</param>
/// <param name="InProgress">At work, waiting for somebody outside, or stopping.</param>
/// <param name="Failed">Those that timed out as well.</param>
/// <param name="Cancelled">Those that were denied or expired as well.</param>
internal sealed record OperationChildren(long Total, long Waiting, long InProgress, long Completed, long Failed, long Cancelled)
{
    public static OperationChildren Of(string json) => JsonSerializer.Deserialize<OperationChildren>(json, ServiceDefaults.Http.Json.Options)!;
}

/// <param name="ExpectedChildren">It is complete with so many, or once it is closed.</param>
internal sealed record OperationBatch(int? ExpectedChildren, bool IsClosed)
{
    public static Forecast? ForecastOf(Operation row, DateTimeOffset now)
    {
        TimeSpan Until(DateTimeOffset at) => at > now ? at - now : TimeSpan.Zero;
        return row is { Status: OperationStatus.InProgress, EndsP50At: { } p50, EndsP90At: { } p90 } ? new(Until(p50), Until(p90)) : null;
    }
}

/// <summary>The agreement that an operation needs.</summary>
/// <param name="Needed">How far each group is, such as: 1 of 2 from managers, 0 of 1 from owners.</param>
/// <param name="Deadline">Undecided then, it has expired.</param>
/// <param name="Digest">Of the plan that is asked for.</param>
internal sealed record OperationApproval(string Needed, DateTimeOffset Deadline, string Digest)
{
    public static OperationApproval Of(string json) => JsonSerializer.Deserialize<OperationApproval>(json, ServiceDefaults.Http.Json.Options)!;
}

/// <param name="Total">What done, failed and skipped add up to in the end, as far as it is known.</param>
internal sealed record OperationCounters(long? Done, long? Total, long? Failed, long? Skipped, long? Bytes);

/// <summary>Where the time went, in seconds; what runs is counted up to now.</summary>
/// <param name="Queue">Until the first attempt began, but for locks and rate limits.</param>
/// <param name="Approval">Until those asked had decided.</param>
/// <param name="Lock">Waiting for what another operation holds, queued or at work.</param>
/// <param name="RateLimit">Waiting because no more may be done at a time, queued or at work.</param>
/// <param name="External">Until somebody outside had done something.</param>
/// <param name="Retry">Between an attempt that failed and the next.</param>
/// <param name="Work">At work, stopping included.</param>
internal sealed record OperationTime(double Queue, double Approval, double Lock, double RateLimit, double External, double Retry, double Work)
{
    public static OperationTime Of(BookedTime time) => new(
        time.QueueMs / 1000.0, time.ApprovalMs / 1000.0, time.LockMs / 1000.0, time.RateLimitMs / 1000.0, time.ExternalMs / 1000.0, time.RetryMs / 1000.0, time.WorkMs / 1000.0);
}
