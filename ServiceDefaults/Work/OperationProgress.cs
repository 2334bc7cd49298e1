using OpsPlatform.Contracts;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>How far the step at hand is.</summary>
/// <param name="Total">What the counts add up to in the end; null while nobody knows.</param>
/// <param name="IsReplanned">There is more to do than was thought: the share done may fall.</param>
public sealed record OperationProgress(
    long Done, long? Total = null, long? Failed = null, long? Skipped = null, long? Bytes = null, string? Message = null, bool IsReplanned = false)
{
    /// <returns>How much of the whole is done with the step, from 1, at this point: 0 to 100 by the steps' weights.</returns>
    /// <param name="steps">Leaves.</param>
    public double PercentAt(int step, IReadOnlyList<OperationStep> steps)
    {
        // As floating point, so that counts near the largest do not run over.
        var done = (double)Done + (Failed ?? 0) + (Skipped ?? 0);
        var share = Total is > 0 and var total ? Math.Clamp(done / total, 0, 1) : 0;
        return 100 * (steps.Take(step - 1).Sum(before => before.Weight) + (steps[step - 1].Weight * share)) / steps.Sum(one => one.Weight);
    }
}

/// <summary>What holds a worker up that could go on.</summary>
public enum OperationWait
{
    /// <summary>What another operation has in hand.</summary>
    Lock,

    /// <summary>No more may be done at a time.</summary>
    RateLimit,

    /// <summary>Somebody outside has to do something first.</summary>
    External,
}
