namespace OpsPlatform.Chaos.Watch;

/// <summary>What the processes said in a run that failed: the next run would write over it.</summary>
internal static class Evidence
{
    public static string Keep(Options options)
    {
        var kept = Directory.CreateDirectory(Path.Combine(options.StateDirectory, "failed", $"{DateTime.UtcNow:yyyyMMdd-HHmmss}-seed-{options.Seed}"));
        foreach (var log in Directory.GetFiles(Path.Combine(options.StateDirectory, "logs")))
        {
            File.Copy(log, Path.Combine(kept.FullName, Path.GetFileName(log)));
        }

        return kept.FullName;
    }
}
