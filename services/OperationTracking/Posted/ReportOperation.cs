using System.ComponentModel.DataAnnotations;
using System.Security.Claims;
using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.Contracts;
using OpsPlatform.OperationTracking.Metadata;
using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.OperationTracking.Reports;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tenancy;
using OpsPlatform.ServiceDefaults.Work;
using Operation = OpsPlatform.OperationTracking.Operations.Operation;

namespace OpsPlatform.OperationTracking.Posted;

/// <summary>
/// Tells how far a posted operation is. Costs next to nothing and may be called often: the latest is shown at once and written down once a second. The answer
/// says whether somebody wants it stopped.
/// </summary>
internal static class ReportOperation
{
    internal sealed record ReportRequest : IValidatableObject
    {
        /// <summary>As answered by begin.</summary>
        [AtLeast(1)]
        public required long Fence { get; init; }

        /// <summary>Which of the steps it is at, from 1.</summary>
        [Range(1, 200)]
        public int Step { get; init; } = 1;

        [AtLeast(0)]
        public long Done { get; init; }

        /// <summary>What done, failed and skipped add up to in the end of the step; left out while nobody knows.</summary>
        [AtLeast(0)]
        public long? Total { get; init; }

        [AtLeast(0)]
        public long? Failed { get; init; }

        [AtLeast(0)]
        public long? Skipped { get; init; }

        [AtLeast(0)]
        public long? Bytes { get; init; }

        [StringLength(1_000)]
        public string? Message { get; init; }

        /// <summary>There is more to do than was thought: the share done may fall.</summary>
        public bool IsReplanned { get; init; }

        /// <summary>What its time goes by at present; external when somebody outside has to do something.</summary>
        [AllowedValues("work", "lock", "rate_limit", "external")]
        public string Cause { get; init; } = "work";

        /// <summary>The operation in the way, with lock.</summary>
        public Guid? BlockedBy { get; init; }

        /// <summary>A JSON object that is merged into the operation's metadata member by member; null takes a member away. At most 256 KiB in all.</summary>
        public JsonElement? Metadata { get; init; }

        /// <summary>All that it has done so far and that stays, whatever becomes of it; left out it says nothing new.</summary>
        [MaxLength(EffectRules.Most)]
        public IReadOnlyList<OperationEffect>? Effects { get; init; }

        /// <returns>Null when the operation has no such step.</returns>
        public OperationReported? Of(Operation row, DateTimeOffset now)
        {
            var steps = JsonSerializer.Deserialize<OperationStep[]>(row.Steps, Json.Options)!;
            if (Step > steps.Length)
            {
                return null;
            }

            var percent = new OperationProgress(Done, Total, Failed, Skipped).PercentAt(Step, steps);
            // In microseconds, so that reports of one caller after the other never share one.
            var sequence = (now - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
            return new(row.Id, row.Attempt, sequence, now, row.StartedAt!.Value, now, Step, percent, Done, Total, Failed, Skipped, Bytes, Message, IsReplanned, null, null, Cause, BlockedBy, EffectRules.Storable(Effects));
        }

        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
        {
            if (Metadata is { } metadata && Text.ObjectOrNull(metadata.GetRawText(), int.MaxValue) is null)
            {
                yield return new(Text.DeepObjectRule, [nameof(Metadata)]);
            }

            for (var i = 0; i < Effects?.Count; i++)
            {
                if (Effects[i] is { } effect && !EffectRules.Fits(effect))
                {
                    yield return new(EffectRules.Rule, [$"effects[{i}]"]);
                }
            }
        }
    }

    /// <param name="IsCancelling">Somebody asked to cancel it: stop as soon as you can, and say so with POST /operations/{id}/end.</param>
    public record Response(bool IsCancelling);

    public static async Task<Results<Ok<Response>, NotFound, ProblemHttpResult>> Handle(
        Guid id, ReportRequest request, ClaimsPrincipal user, OperationReader reader, LatestReports latest, MetadataKeeper metadata, OperationWatch watches, Caller caller, TimeProvider time,
        CancellationToken cancel)
    {
        if (await reader.Row(id, cancel) is not { } row)
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

        if (request.Of(row, time.GetUtcNow()) is not { } report)
        {
            return Problems.NoSuchStep(row.TotalSteps);
        }

        if (request.Metadata is { } said && !await metadata.TryTake(id, said, cancel))
        {
            return Problems.MetadataTooLarge();
        }

        if (latest.TryTake(caller.Org, Heard.Of(report, caller.CorrelationId)))
        {
            watches.Reported(caller.Org, id);
        }

        return TypedResults.Ok(new Response(row.Status == OperationStatus.Cancelling));
    }
}
