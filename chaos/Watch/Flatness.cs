namespace OpsPlatform.Chaos.Watch;

/// <summary>Whether a value of the last quarter of a run is still that of the second quarter, by their medians.</summary>
internal sealed record Flatness(double Early, double Late, bool IsFlat)
{
    /// <summary>Growth above this share and above the slack is growth; the first quarter is left to warming up.</summary>
    private const double MostGrowth = 0.2;

    public static Flatness Of(Series series, double slack)
    {
        var until = series.Points[^1].Seconds;
        var (early, late) = (Median(series, until / 4, until / 2), Median(series, until * 3 / 4, until));
        return new(early, late, late <= early + Math.Max(early * MostGrowth, slack));
    }

    private static double Median(Series series, double from, double to)
    {
        var values = series.Points.Where(point => point.Seconds >= from && point.Seconds <= to).Select(point => point.Value).Order().ToArray();
        return values.Length == 0 ? double.NaN : values[values.Length / 2];
    }
}
