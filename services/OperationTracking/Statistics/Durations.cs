namespace OpsPlatform.OperationTracking.Statistics;

/// <summary>How long operations took, as counts by buckets of durations: each begins where the one before ends, a tenth wider than that.</summary>
internal sealed class Durations(IEnumerable<(int Bucket, long Operations)> counts)
{
    private const double Width = 1.1;

    private readonly (int Bucket, long Operations)[] _counts = [.. counts.Where(count => count.Operations > 0).OrderBy(count => count.Bucket)];

    /// <summary>Of how many operations.</summary>
    public long Count => _counts.Sum(count => count.Operations);

    public static Durations Sum(IEnumerable<Durations> some) =>
        new(some.SelectMany(one => one._counts).GroupBy(count => count.Bucket).Select(same => (same.Key, same.Sum(count => count.Operations))));

    /// <param name="quantile">From 0 to 1.</param>
    /// <returns>Milliseconds that this share of the operations took at most, to a twentieth; null when there are none.</returns>
    public double? Quantile(double quantile) => Quantile(quantile, 0);

    /// <returns>The same of those alone that took longer than so many milliseconds.</returns>
    public double? Quantile(double quantile, double longerThan)
    {
        var longer = _counts.Where(count => End(count.Bucket) > longerThan).ToArray();
        var wanted = quantile * longer.Sum(count => count.Operations);
        foreach (var (bucket, operations) in longer)
        {
            wanted -= operations;
            if (wanted <= 0)
            {
                return Math.Max(longerThan, Middle(bucket));
            }
        }

        return null;
    }

    /// <summary>How many took longer than so many milliseconds.</summary>
    public long CountAbove(double milliseconds) => _counts.Where(count => End(count.Bucket) > milliseconds).Sum(count => count.Operations);

    private static double End(int bucket) => Math.Pow(Width, bucket + 1);

    private static double Middle(int bucket) => Math.Pow(Width, bucket + 0.5);
}
