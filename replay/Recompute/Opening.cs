namespace OpsPlatform.Replay.Recompute;

/// <summary>How much stock to begin with.</summary>
internal static class Opening
{
    public static decimal For(OpeningStock stock, decimal need)
    {
        var share = stock == OpeningStock.Ample ? new Rational(11, 10) : new Rational(2, 5);

        return (share * need).Ceiling();
    }
}
