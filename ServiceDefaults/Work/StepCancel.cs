using OpsPlatform.Contracts;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>What a cancel does to an operation at a step.</summary>
public static class StepCancel
{
    /// <summary>The work stops, and what it has done stays.</summary>
    public const string Cancellable = "cancellable";

    /// <summary>What it has done since the first such step is taken back before it is cancelled.</summary>
    public const string Compensating = "compensating";

    /// <summary>It comes too late: what has begun is done to its end.</summary>
    public const string Final = "final";

    /// <param name="step">From 1; 0 before the first.</param>
    public static string At(IReadOnlyList<OperationStep> steps, int step)
    {
        var entered = steps.Take(step).Select(one => one.Cancel).ToArray();
        return entered.Contains(Final) ? Final : entered.Contains(Compensating) ? Compensating : Cancellable;
    }

    /// <returns>Whether a cancel does something else from this step on: such a step is entered, and not just gone to.</returns>
    public static bool IsEntered(this OperationStep step) => step.Cancel is Final or Compensating;
}
