using System.Text.Json.Serialization;

namespace OpsPlatform.Contracts;

/// <summary>A service has taken on a long-running piece of work; whatever becomes of its processes, an <see cref="OperationEnded"/> follows.</summary>
/// <param name="OperationType">The service and what it does, such as orders.export.</param>
/// <param name="Service">Who works on it, and hears <see cref="OperationCancelled"/> of it.</param>
/// <param name="UserId">Whose it is.</param>
/// <param name="Steps">In their order, at least one; parts of steps within them.</param>
/// <param name="EntityType">What it works on, when that is one thing; with <paramref name="EntityId"/>.</param>
/// <param name="Context">A JSON object for people and filters, at most 16 KiB.</param>
/// <param name="MaxAttempts">How often it is begun before it has failed; a crash is an attempt.</param>
/// <param name="CanUndo">The service can undo it once it has ended, by another operation.</param>
/// <param name="Undoes">The operation that this one undoes.</param>
/// <param name="Plan">It begins once this is agreed to; null when nobody has to.</param>
/// <param name="ParentId">The operation it is a part of; it may be started before that one.</param>
/// <param name="Weight">Its share of its parent, when that is a batch, beside those of the other children; above 0.</param>
/// <param name="RollsUp">It is a batch: nobody works on it, it is as far as its children are and ends with the last of them. It has no steps and no plan.</param>
/// <param name="ExpectedChildren">A batch is complete with so many; without it, once somebody closes it.</param>
public sealed record OperationStarted(
    Guid OperationId,
    string OperationType,
    string Service,
    string DisplayName,
    string UserId,
    DateTimeOffset QueuedAt,
    IReadOnlyList<OperationStep> Steps,
    int MaxAttempts = 1,
    string? EntityType = null,
    string? EntityId = null,
    [property: JsonConverter(typeof(RawJson))] string? Context = null,
    IReadOnlyList<string>? Tags = null,
    OperationPlan? Plan = null,
    bool CanUndo = false,
    Guid? Undoes = null,
    Guid? ParentId = null,
    double Weight = 1,
    bool RollsUp = false,
    int? ExpectedChildren = null);

/// <summary>A step of an operation. A worker goes through the leaves, which are numbered from 1 in their order; the steps above them put them together for people.</summary>
/// <param name="Weight">Its share of what it is part of, beside those of the others; above 0.</param>
/// <param name="Cancel">
/// What a cancel does from this step on: cancellable (as null: the work stops, and what it has done stays), compensating (what it has done from
/// here on is taken back first) or final (it comes too late: what has begun is done to its end).
/// </param>
/// <param name="Steps">Its parts in their order, at most 5 levels and 200 leaves in all; null for a leaf.</param>
public sealed record OperationStep(
    string Name,
    double Weight = 1,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Cancel = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<OperationStep>? Steps = null)
{
    public const int MostLevels = 5;
    public const int MostLeaves = 200;

    /// <returns>The leaves in their order, named by the way to them, such as Import / Read, and weighing as much of the whole as they are of it.</returns>
    public static IReadOnlyList<OperationStep> Leaves(IReadOnlyList<OperationStep> steps) => [.. steps.SelectMany(step => step.LeavesWithin("", step.Weight, null))];

    private IEnumerable<OperationStep> LeavesWithin(string path, double weight, string? cancel)
    {
        var name = path + Name;
        if (Steps is not { Count: > 0 } parts)
        {
            return [this with { Name = name, Weight = weight, Cancel = Cancel ?? cancel, Steps = null }];
        }

        var all = parts.Sum(part => part.Weight);
        return parts.SelectMany(part => part.LeavesWithin($"{name} / ", weight * part.Weight / all, Cancel ?? cancel));
    }
}

/// <summary>Something an operation has done and that stays, whatever becomes of it.</summary>
/// <param name="What">For people, such as: lines applied. One of a kind in an operation; at most 200 characters.</param>
/// <param name="Count">How many, in all attempts; above 0.</param>
/// <param name="Href">Where they are to be seen: a path at the gateway or an https address, at most 500 characters.</param>
/// <param name="IsTakenBack">A compensating step did it: a cancel takes it back.</param>
public sealed record OperationEffect(string What, long Count, string? Href = null, bool IsTakenBack = false);

/// <summary>
/// How far an operation is. Only the latest counts, by attempt and then by sequence, so one that is lost does no harm. Sent while the worker
/// lives, at least every few seconds.
/// </summary>
/// <param name="Attempt">From 1; 0 while the first is not begun: then nothing but what it waits for is said, by <paramref name="Cause"/> and <paramref name="BlockedBy"/>.</param>
/// <param name="Sequence">Rises with each report of the attempt.</param>
/// <param name="AdvancedAt">When the worker last got further; long ago while reports come means that it is stuck.</param>
/// <param name="Step">Which of the steps' leaves it is at, from 1; 0 when nobody is at it and only what it waits for is said.</param>
/// <param name="Percent">Of the whole by the steps' weights, 0 to 100.</param>
/// <param name="Total">What <paramref name="Done"/>, <paramref name="Failed"/> and <paramref name="Skipped"/> add up to in the end, as far as it is known.</param>
/// <param name="IsReplanned">There is more to do than was thought: the share done may be smaller than before.</param>
/// <param name="RetryAt">The attempt failed for <paramref name="Error"/> and the next begins then; no report of the attempt follows.</param>
/// <param name="Cause">
/// What its time goes by at present: work, lock, rate_limit or external (somebody outside has to do something). With attempt 0 or <paramref name="RetryAt"/>:
/// lock or rate_limit while it waits for its turn among others of its kind, queue while it would only need a worker.
/// </param>
/// <param name="BlockedBy">The operation in the way, with lock.</param>
/// <param name="Effects">All that it has done so far and that stays, at most 20; null says nothing of it.</param>
/// <param name="Metadata">
/// A JSON object, at most 256 KiB and 10 deep, for what people want to know beside progress: all that the attempt has said of it so far. It is merged member by
/// member into what the operation has, null takes a member away. What would be larger than that together with what is there is not merged, which the
/// operation's timeline says. Null says nothing of it.
/// </param>
public sealed record OperationReported(
    Guid OperationId,
    int Attempt,
    long Sequence,
    DateTimeOffset At,
    DateTimeOffset StartedAt,
    DateTimeOffset AdvancedAt,
    int Step,
    double Percent,
    long? Done = null,
    long? Total = null,
    long? Failed = null,
    long? Skipped = null,
    long? Bytes = null,
    string? Message = null,
    bool IsReplanned = false,
    DateTimeOffset? RetryAt = null,
    string? Error = null,
    string Cause = "work",
    Guid? BlockedBy = null,
    IReadOnlyList<OperationEffect>? Effects = null,
    [property: JsonConverter(typeof(RawJson))] string? Metadata = null);

/// <summary>The work is over and nothing more will be done for it.</summary>
/// <param name="Operation">As it was started, for a listener that did not hear of it yet.</param>
/// <param name="Outcome">completed, failed, cancelled or timed_out.</param>
/// <param name="Last">How far it came; null when no attempt was begun.</param>
/// <param name="Error">What a person may read; of one that was completed, why although somebody had cancelled it, and otherwise null.</param>
/// <param name="Result">A JSON object with what came of it, such as href of a file; at most 16 KiB.</param>
/// <param name="CancelledBy">The user who asked for it.</param>
public sealed record OperationEnded(
    OperationStarted Operation,
    string Outcome,
    DateTimeOffset EndedAt,
    OperationReported? Last = null,
    string? Error = null,
    [property: JsonConverter(typeof(RawJson))] string? Result = null,
    string? CancelledBy = null);

/// <summary>Somebody no longer wants it: the service named stops it as soon as it can, and says with <see cref="OperationEnded"/> what became of it.</summary>
/// <param name="UserId">Who asked.</param>
public sealed record OperationCancelled(Guid OperationId, string Service, string UserId, string? Reason = null);
