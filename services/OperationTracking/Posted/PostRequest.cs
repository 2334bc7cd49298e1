using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using OpsPlatform.Contracts;
using OpsPlatform.OperationTracking.Approvals;
using OpsPlatform.OperationTracking.Reports;
using OpsPlatform.OperationTracking.Steps;

namespace OpsPlatform.OperationTracking.Posted;

/// <param name="OperationType">What kind of work it is, such as shop.import.</param>
/// <param name="DisplayName">What people call it.</param>
/// <param name="EntityType">What it works on, when that is one thing; with entityId.</param>
/// <param name="Steps">In their order, with their share of the whole, their parts, and what a cancel does from each on; one, Work, when left out. At most 5 levels and 200 leaves.</param>
/// <param name="Context">A JSON object of at most 16 KiB, for people and filters.</param>
/// <param name="OperationId">The operation's, chosen by the caller; a new one when left out.</param>
/// <param name="StartWithinSeconds">Not begun for so long, it has expired; without it, it waits for ever.</param>
/// <param name="EndWithinSeconds">An attempt that takes longer has timed out; without it, it may take for ever.</param>
/// <param name="SilentForSeconds">An attempt that reports nothing for so long has failed.</param>
/// <param name="MaxAttempts">How often it is begun before it has failed.</param>
/// <param name="Plan">It may be begun once this is agreed to.</param>
/// <param name="ParentId">The operation it is a part of, which has not ended.</param>
/// <param name="Weight">Its share of its parent, when that is a batch, beside those of the other children.</param>
/// <param name="RollsUp">It is a batch: nobody begins it, it is as far as its children are and ends with the last of them.</param>
/// <param name="ExpectedChildren">A batch is complete with so many; without it, once it is closed.</param>
/// <param name="ValidateOnly">Only says whether it would be taken.</param>
internal sealed record PostRequest(
    [property: StringLength(100), RegularExpression("[a-z0-9_]+(\\.[a-z0-9_]+)+")] string OperationType,
    [property: StringLength(500, MinimumLength = 1)] string DisplayName,
    [property: StringLength(100, MinimumLength = 1)] string? EntityType = null,
    [property: StringLength(200, MinimumLength = 1)] string? EntityId = null,
    IReadOnlyList<OperationStep>? Steps = null,
    JsonElement? Context = null,
    [property: MaxLength(50)] IReadOnlyList<string>? Tags = null,
    Guid? OperationId = null,
    [property: Range(1, PostRequest.MaxSeconds)] int? StartWithinSeconds = null,
    [property: Range(1, PostRequest.MaxSeconds)] int? EndWithinSeconds = null,
    [property: Range(10, 86_400)] int SilentForSeconds = PostRequest.DefaultSilence,
    [property: Range(1, 20)] int MaxAttempts = 1,
    OperationPlan? Plan = null,
    Guid? ParentId = null,
    double Weight = 1,
    bool RollsUp = false,
    [property: Range(1, PostRequest.MaxChildren)] int? ExpectedChildren = null,
    bool ValidateOnly = false) : IValidatableObject
{
    /// <summary>A year.</summary>
    private const int MaxSeconds = 366 * 86_400;

    private const int DefaultSilence = 300;
    private const int MaxChildren = 100_000;
    private const int MaxDigest = 200;
    private const int MaxTag = 100;
    private static readonly OperationStep[] OneStep = [new("Work")];
    private static readonly OperationStep[] NoSteps = [];

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if ((EntityType is null) != (EntityId is null))
        {
            yield return new("comes with entityId, and entityId with it.", [nameof(EntityType)]);
        }

        foreach (var (path, message) in Steps is { } steps ? StepTree.Faults(steps) : [])
        {
            yield return new(message, [path]);
        }

        if (Weight is not (> 0 and <= StepTree.MaxWeight))
        {
            yield return new($"is above 0 and up to {StepTree.MaxWeight}.", [nameof(Weight)]);
        }

        if (ExpectedChildren is not null && !RollsUp)
        {
            yield return new("goes with rollsUp.", [nameof(ExpectedChildren)]);
        }

        if (RollsUp && (Steps is not null || Plan is not null || StartWithinSeconds is not null || EndWithinSeconds is not null || SilentForSeconds != DefaultSilence || MaxAttempts != 1))
        {
            yield return new("goes without steps, plan, limits and attempts: nobody works on a batch. Give them to its children.", [nameof(RollsUp)]);
        }

        for (var i = 0; i < Tags?.Count; i++)
        {
            if (Tags[i] is { Length: < 1 or > MaxTag })
            {
                yield return new($"has 1 to {MaxTag} characters.", [$"tags[{i}]"]);
            }
        }

        if (Context is { } context && Text.ObjectOrNull(context.GetRawText()) is null)
        {
            yield return new(Text.ObjectRule, [nameof(Context)]);
        }

        foreach (var (path, message) in Plan is { } plan ? FaultsOf(plan) : [])
        {
            yield return new(message, [$"plan.{path}"]);
        }
    }

    public OperationStarted Started(Guid id, string userId, DateTimeOffset at) => new(
        id, OperationType, PostedOperations.Service, DisplayName, userId, at, Steps ?? (RollsUp ? NoSteps : OneStep), MaxAttempts, EntityType, EntityId, Context?.GetRawText(), Tags, Plan,
        ParentId: ParentId, Weight: Weight, RollsUp: RollsUp, ExpectedChildren: ExpectedChildren);

    private static IEnumerable<(string Path, string Message)> FaultsOf(OperationPlan plan)
    {
        if (plan.Digest is not { Length: >= 1 and <= MaxDigest })
        {
            yield return ("digest", $"has 1 to {MaxDigest} characters.");
        }

        if (Text.ObjectOrNull(plan.Effect) is null)
        {
            yield return ("effect", Text.ObjectRule);
        }

        if (plan.Records < 0 || plan.Money < 0 || plan.Deletions < 0)
        {
            yield return ("records", "and money and deletions are not below 0.");
        }

        foreach (var (path, message) in PolicyRules.Faults(plan.Policy))
        {
            yield return ($"policy.{path}", message);
        }
    }
}
