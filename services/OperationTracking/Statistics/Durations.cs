namespace OpsPlatform.OperationTracking.Statistics;

/// <summary>How long operations took, as counts by buckets of durations: each begins where the one before ends, a tenth wider than that.</summary>
/// <param name="counts">In any order; those of one bucket are added up.</param>
internal sealed class Durations(IEnumerable<(int Bucket, long Operations)> counts)
{
    private const double Width = 1.1;

    /// <summary>By duration: asked for each state that anybody is shown, so that nothing is worked out then.</summary>
    private readonly Step[] _steps = Steps(counts);

    /// <param name="End">Milliseconds, as Middle.</param>
    /// <param name="UpToHere">Operations of this bucket and of all before it.</param>
    private readonly record struct Step(double Middle, double End, long UpToHere);

    /// <summary>Of how many operations.</summary>
    public long Count => UpTo(_steps.Length);

    /// <param name="quantile">From 0 to 1.</param>
    /// <returns>Milliseconds that this share of the operations took at most, to a twentieth; null when there are none.</returns>
    public double? Quantile(double quantile) => Quantile(quantile, 0);

    /// <returns>The same of those alone that took longer than so many milliseconds.</returns>
    public double? Quantile(double quantile, double longerThan)
    {
        var first = FirstAbove(longerThan);
        var wanted = UpTo(first) + (quantile * (Count - UpTo(first)));
        for (var i = first; i < _steps.Length; i++)
        {
            if (_steps[i].UpToHere >= wanted)
            {
                return Math.Max(longerThan, _steps[i].Middle);
            }
        }

        return null;
    }

    /// <summary>How many took longer than so many milliseconds.</summary>
    public long CountAbove(double milliseconds) => Count - UpTo(FirstAbove(milliseconds));

    private static Step[] Steps(IEnumerable<(int Bucket, long Operations)> counts)
    {
        var upToHere = 0L;
        return
        [
            .. counts.Where(count => count.Operations > 0).GroupBy(count => count.Bucket).OrderBy(bucket => bucket.Key)
                .Select(bucket => new Step(Math.Pow(Width, bucket.Key + 0.5), Math.Pow(Width, bucket.Key + 1), upToHere += bucket.Sum(count => count.Operations))),
        ];
    }

    private long UpTo(int step) => step == 0 ? 0 : _steps[step - 1].UpToHere;

    private int FirstAbove(double milliseconds)
    {
        var (low, high) = (0, _steps.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = _steps[middle].End > milliseconds ? (low, middle) : (middle + 1, high);
        }

        return low;
    }
}
