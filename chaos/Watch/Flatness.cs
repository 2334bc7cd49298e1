namespace OpsPlatform.Chaos.Watch;

/// <summary>
/// Whether a value of the last quarter of a run is still that of the second quarter, by their medians; or if not, whether it has come to
/// rest since the third: warming up may take long, a leak does not end.
/// </summary>
internal sealed record Flatness(double Early, double Middle, double Late, Flatness.Verdict Is)
{
    internal enum Verdict
    {
        Flat,
        Settled,
        Grows,
    }

    /// <summary>Growth above this share and above the slack is growth; the first quarter is left to warming up.</summary>
    private const double MostGrowth = 0.2;

    /// <summary>A tenth of both: what grows evenly by a fifth in two quarters grows by four times this in the last.</summary>
    private const double AtRest = 0.1;

    public static Flatness Of(Series series, double slack)
    {
        var until = series.Points[^1].Seconds;
        var (early, middle, late) = (Median(series, until / 4, until / 2), Median(series, until / 2, until * 3 / 4), Median(series, until * 3 / 4, until));
        var verdict = late <= Bound(early, 1) ? Verdict.Flat : late <= Bound(middle, AtRest) ? Verdict.Settled : Verdict.Grows;
        return new(early, middle, late, verdict);

        double Bound(double before, double share) => before + (share * Math.Max(before * MostGrowth, slack));
    }

    private static double Median(Series series, double from, double to)
    {
        var values = series.Points.Where(point => point.Seconds >= from && point.Seconds <= to).Select(point => point.Value).Order().ToArray();
        return values.Length == 0 ? double.NaN : values[values.Length / 2];
    }
}
