namespace OpsPlatform.Sync.Health;

/// <summary>Counts per range of milliseconds, so that what replicas measured apart can be added up; percentiles are exact to the range.</summary>
internal static class LatencyHistogram
{
    /// <summary>Upper bounds of the ranges; what took longer is counted in one more.</summary>
    public static readonly int[] BoundsMs =
        [1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000, 20_000, 30_000, 60_000, 300_000];

    public static int Ranges => BoundsMs.Length + 1;

    public static int RangeOf(double latencyMs)
    {
        var index = Array.BinarySearch(BoundsMs, (int)Math.Clamp(Math.Ceiling(latencyMs), 0, int.MaxValue));
        return index < 0 ? ~index : index;
    }

    /// <param name="share">0.95 asks for the value that 95 % stay below.</param>
    /// <returns>Interpolated within its range; null when nothing was counted.</returns>
    public static double? Percentile(IReadOnlyList<long> counts, double share)
    {
        var total = counts.Sum();
        if (total == 0)
        {
            return null;
        }

        var rank = share * total;
        var below = 0L;
        for (var range = 0; range < counts.Count; range++)
        {
            if (counts[range] > 0 && below + counts[range] >= rank)
            {
                var from = range == 0 ? 0 : BoundsMs[range - 1];
                var to = range < BoundsMs.Length ? BoundsMs[range] : from;
                return from + ((to - from) * ((rank - below) / counts[range]));
            }

            below += counts[range];
        }

        return BoundsMs[^1];
    }
}
