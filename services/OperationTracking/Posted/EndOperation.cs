using System.ComponentModel.DataAnnotations;
using System.Security.Claims;
using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.OperationTracking.Metadata;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.OperationTracking.Reports;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Posted;

/// <summary>Says what became of a posted operation. One that somebody asked to cancel meanwhile is cancelled whatever the outcome, unless it is at a final step: the answer's status says so.</summary>
internal static class EndOperation
{
    internal sealed record EndRequest : IValidatableObject
    {
        /// <summary>As answered by begin.</summary>
        [AtLeast(1)]
        public required long Fence { get; init; }

        [AllowedValues("completed", "failed")]
        public required string Outcome { get; init; }

        /// <summary>What a person may read; with failed.</summary>
        [StringLength(2_000, MinimumLength = 1)]
        public string? Error { get; init; }

        /// <summary>A JSON object of at most 16 KiB with what came of it.</summary>
        public JsonElement? Result { get; init; }

        /// <summary>The last report again, under the same fence: what was reported less than a second before may be missing without it.</summary>
        public ReportOperation.ReportRequest? Last { get; init; }

        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
        {
            if ((Outcome == "failed") != (Error is not null))
            {
                yield return new("comes with failed, and failed with it.", [nameof(Error)]);
            }

            if (Last is { } last && last.Fence != Fence)
            {
                yield return new("has the same fence.", [nameof(Last)]);
            }

            if (Result is { } result && Text.ObjectOrNull(result.GetRawText()) is null)
            {
                yield return new(Text.ObjectRule, [nameof(Result)]);
            }
        }
    }

    public static async Task<Results<Ok<OperationView>, NotFound, ProblemHttpResult>> Handle(
        Guid id, EndRequest request, ClaimsPrincipal user, OperationsDb db, OperationReader reader, LatestReports latest, MetadataKeeper metadata, TellAfterCommit tell, Caller caller, TimeProvider time,
        CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        if (await reader.Hold(id, cancel) is not { } row)
        {
            return TypedResults.NotFound();
        }

        if (row.Refusal(user) is { } refusal)
        {
            return refusal;
        }

        if (!row.IsHeldUnder(request.Fence))
        {
            return Problems.LeaseLost(reader.View(row));
        }

        var now = time.GetUtcNow();
        var said = request.Last?.Of(row, now);
        if (request.Last is not null && said is null)
        {
            return Problems.NoSuchStep(row.TotalSteps);
        }

        if (request.Last?.Metadata is { } patch && !await metadata.TryTake(id, patch, cancel))
        {
            return Problems.MetadataTooLarge();
        }

        var last = said is null ? latest.Of(caller.Org, id) : Heard.Of(said, caller.CorrelationId);
        var reports = ReportRows.Json(last?.Report.Attempt == row.Attempt ? [last] : []);
        var isTooLate = row.CancelKindAt(last is { Report: { Step: var step } report } && report.Attempt == row.Attempt ? step : row.CurrentStep) == CancelKind.Final;
        var outcome = row.Status == OperationStatus.Cancelling && !isTooLate ? "cancelled" : request.Outcome;
        var error = request.Error ?? (row.Status == OperationStatus.Cancelling && isTooLate ? OperationMoves.PastReturn : null);
        var ended = EndedRow.Json([new(id, outcome, now, error, request.Result?.GetRawText(), null, caller.CorrelationId)]);
        await db.Database.ExecuteSqlAsync($"SELECT end_posted({reports}::jsonb, {ended}::jsonb, {Viewer.Of(user).UserId})", cancel);
        row = await reader.Row(id, cancel);
        tell.Changed(caller.Org, id, hasEnded: true);
        await transaction.CommitAsync(cancel);
        return TypedResults.Ok(reader.View(row!));
    }
}
