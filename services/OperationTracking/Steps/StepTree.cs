using OpsPlatform.Contracts;
using OpsPlatform.OperationTracking.Reports;
using OpsPlatform.ServiceDefaults.Work;

namespace OpsPlatform.OperationTracking.Steps;

/// <summary>What a tree of steps must be so that it can be stored and shown.</summary>
internal static class StepTree
{
    private const int MaxName = 200;
    public const double MaxWeight = 1_000_000;

    /// <summary>Of what services tell; so far apart, shares of shares are still numbers above 0.</summary>
    private const double LeastStorableWeight = 1e-12;
    private const double MostStorableWeight = 1e12;
    private const int MaxStorableName = 500;

    public static bool IsFlat(IEnumerable<OperationStep> steps) => steps.All(step => step.Steps is null);

    /// <summary>What a service tells wrongly must not keep others' operations from being known: the tree is cut where it has too many levels or leaves.</summary>
    public static IReadOnlyList<OperationStep> Storable(IReadOnlyList<OperationStep?>? steps)
    {
        var leavesLeft = OperationStep.MostLeaves;
        return Storable(steps, 1, ref leavesLeft);
    }

    public static double StorableWeight(double weight) => double.IsFinite(weight) && weight > 0 ? Math.Clamp(weight, LeastStorableWeight, MostStorableWeight) : 1;

    /// <returns>What is wrong with a caller's steps, by the path of the value, such as steps[0].steps[2].</returns>
    public static IEnumerable<(string Path, string Message)> Faults(IReadOnlyList<OperationStep?> steps)
    {
        var faults = Faults("steps", steps, 1).ToList();
        if (faults.Count == 0 && OperationStep.Leaves(steps!).Count > OperationStep.MostLeaves)
        {
            faults.Add(("steps", $"have at most {OperationStep.MostLeaves} leaves in all."));
        }

        return faults;
    }

    private static List<OperationStep> Storable(IReadOnlyList<OperationStep?>? steps, int level, ref int leavesLeft)
    {
        List<OperationStep> storable = [];
        foreach (var step in steps ?? [])
        {
            if (step is null || leavesLeft == 0)
            {
                continue;
            }

            var parts = level == OperationStep.MostLevels ? [] : Storable(step.Steps, level + 1, ref leavesLeft);
            leavesLeft -= parts.Count == 0 ? 1 : 0;
            storable.Add(step with
            {
                Name = Text.Storable(step.Name ?? "", MaxStorableName),
                Weight = StorableWeight(step.Weight),
                Cancel = step.IsEntered() ? step.Cancel : null,
                Steps = parts.Count == 0 ? null : parts,
            });
        }

        return storable;
    }

    private static IEnumerable<(string Path, string Message)> Faults(string path, IReadOnlyList<OperationStep?> steps, int level)
    {
        if (level > OperationStep.MostLevels)
        {
            return [(path, $"are at most {OperationStep.MostLevels} levels deep.")];
        }

        return steps.Count == 0
            ? [(path, "hold at least one; leave it out for a step without parts.")]
            : steps.SelectMany((step, index) => Faults($"{path}[{index}]", step, level));
    }

    private static IEnumerable<(string Path, string Message)> Faults(string path, OperationStep? step, int level)
    {
        if (step is not { Name.Length: >= 1 and <= MaxName, Weight: > 0 and <= MaxWeight } || step.Name.Contains('\0', StringComparison.Ordinal))
        {
            yield return (path, $"has a name of 1 to {MaxName} characters without U+0000 and a weight above 0 and up to {MaxWeight}.");
        }

        if (step is { Cancel: not (null or StepCancel.Cancellable or StepCancel.Compensating or StepCancel.Final) })
        {
            yield return ($"{path}.cancel", $"is {StepCancel.Cancellable}, {StepCancel.Compensating} or {StepCancel.Final}.");
        }

        foreach (var fault in step?.Steps is { } parts ? Faults($"{path}.steps", parts, level + 1) : [])
        {
            yield return fault;
        }
    }
}
