namespace OpsPlatform.Sync.Health;

internal enum HealthLevel
{
    Normal,
    Warning,
    Critical,
}

/// <summary>An organisation's level, with what it takes to leave it: up at once, down only after several better samples in a row.</summary>
/// <param name="WorstOfBetter">The worst of the better samples since the last one that was not better.</param>
internal readonly record struct LevelState(HealthLevel Level, int BetterSamples, HealthLevel WorstOfBetter)
{
    public static readonly LevelState Normal = new(HealthLevel.Normal, 0, HealthLevel.Normal);

    public LevelState After(HealthLevel sample, int samplesToImprove)
    {
        if (sample >= Level)
        {
            return new(sample, 0, HealthLevel.Normal);
        }

        var worst = BetterSamples == 0 || sample > WorstOfBetter ? sample : WorstOfBetter;
        return BetterSamples + 1 >= samplesToImprove ? new(worst, 0, HealthLevel.Normal) : new(Level, BetterSamples + 1, worst);
    }
}
