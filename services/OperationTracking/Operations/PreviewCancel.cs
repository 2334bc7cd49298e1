using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.Contracts;

namespace OpsPlatform.OperationTracking.Operations;

/// <summary>What a cancel does to an operation at the step at hand.</summary>
internal enum CancelKind
{
    /// <summary>The work stops, and what it has done stays.</summary>
    Cancellable,

    /// <summary>What it has done since such a step began is taken back first.</summary>
    Compensating,

    /// <summary>It comes too late: what has begun is done to its end.</summary>
    Final,
}

/// <summary>When a cancel that was asked for now would be done.</summary>
internal enum CancelTakesEffect
{
    /// <summary>Nobody is at work on it.</summary>
    AtOnce,

    /// <summary>Once its worker is through with what it has in hand.</summary>
    AfterBatch,

    /// <summary>Once what it has done is taken back.</summary>
    AfterTakingBack,

    /// <summary>It would be refused, or is done already.</summary>
    Never,
}

/// <summary>What a cancel of an operation would do now, and what it would leave behind; nothing is changed.</summary>
internal static class PreviewCancel
{
    /// <param name="MayCancel">Whether a cancel would do anything.</param>
    /// <param name="Why">Why not, and what to do instead; null when it would.</param>
    /// <param name="Step">At hand; null before the first.</param>
    /// <param name="WouldLeave">What has been done and stays.</param>
    /// <param name="WouldTakeBack">What has been done and would be taken back first.</param>
    public record CancelPreview(
        bool MayCancel, string? Why, OperationStatus Status, string? Step, CancelKind StepKind, IReadOnlyList<OperationEffect> WouldLeave,
        IReadOnlyList<OperationEffect> WouldTakeBack, CancelTakesEffect TakesEffect);

    public static async Task<Results<Ok<CancelPreview>, NotFound, ProblemHttpResult>> Handle(Guid id, ClaimsPrincipal user, OperationReader reader, CancellationToken cancel)
    {
        if (await reader.RowOnceKnown(id, cancel) is not { } row)
        {
            return TypedResults.NotFound();
        }

        if (!Viewer.Of(user).Sees(row))
        {
            return Problems.NotYours();
        }

        return TypedResults.Ok(Of(row, reader.View(row)));
    }

    private static CancelPreview Of(Operation row, OperationView view)
    {
        var kind = row.CancelKindAt(view.CurrentStep);
        var why = row.IsOver ? "It has ended."
            : view.Status == OperationStatus.Cancelling ? "It is being cancelled already."
            : kind == CancelKind.Final ? $"{OperationMoves.PastReturn}{(row.CanUndo ? " Once it has ended, it can be undone." : "")}"
            : null;
        var when = why is not null ? CancelTakesEffect.Never
            : view.Status is not (OperationStatus.InProgress or OperationStatus.WaitingExternal) && kind != CancelKind.Compensating ? CancelTakesEffect.AtOnce
            : kind == CancelKind.Compensating ? CancelTakesEffect.AfterTakingBack
            : CancelTakesEffect.AfterBatch;
        var takenBack = view.Effects.Where(effect => effect.IsTakenBack && kind == CancelKind.Compensating && !row.IsOver).ToArray();
        return new(why is null, why, view.Status, view.StepDescription, kind, [.. view.Effects.Except(takenBack)], takenBack, when);
    }
}
