namespace OpsPlatform.Testing;

/// <summary>A contract as lines "what: how it is", compared with those committed: what breaks somebody fails, what is new has to be recorded.</summary>
public static class Snapshot
{
    private const string Update = "UPDATE_SNAPSHOTS";
    private const string Separator = ": ";

    /// <param name="file">The committed lines.</param>
    /// <param name="now">The lines of the code as it is.</param>
    /// <param name="breaks">Why a change breaks somebody, or null when nobody minds: key, before (null: new), after (null: gone).</param>
    /// <param name="command">What records additions, without the variable in front.</param>
    /// <exception cref="InvalidOperationException">Something breaks, or something new is not recorded; the message says what to do.</exception>
    public static void ShouldHold(string file, IReadOnlyDictionary<string, string> now, Func<string, string?, string?, string?> breaks, string command)
    {
        var before = File.Exists(file) ? Read(file) : new SortedDictionary<string, string>(StringComparer.Ordinal);
        var changes = before.Keys.Union(now.Keys).Order(StringComparer.Ordinal)
            .Select(key => (Key: key, Before: before.GetValueOrDefault(key), After: now.GetValueOrDefault(key)))
            .Where(change => change.Before != change.After)
            .ToArray();
        var broken = changes.Select(change => (Change: change, Why: breaks(change.Key, change.Before, change.After))).Where(x => x.Why is not null).ToArray();
        if (broken.Length > 0)
        {
            throw new InvalidOperationException(
                $"""
                This breaks who relies on {Path.GetFileName(file)}:
                {string.Join('\n', broken.Select(x => $"  {Line(x.Change)}: {x.Why}"))}
                Take it back, or add the new beside the old. When truly nobody relies on it any more, delete its line from {file} in the same commit and say why there.
                """);
        }

        if (changes.Length == 0)
        {
            return;
        }

        if (Environment.GetEnvironmentVariable(Update) != "1")
        {
            throw new InvalidOperationException(
                $"""
                {Path.GetFileName(file)} does not know yet:
                {string.Join('\n', changes.Select(change => $"  {Line(change)}"))}
                Nobody is broken by it. Record it and commit the file: {Update}=1 {command}
                """);
        }

        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllLines(file, now.OrderBy(line => line.Key, StringComparer.Ordinal).Select(line => line.Key + Separator + line.Value));
    }

    /// <summary>Whether additions are being recorded.</summary>
    public static bool IsUpdating => Environment.GetEnvironmentVariable(Update) == "1";

    private static SortedDictionary<string, string> Read(string file) => new(
        File.ReadLines(file).Where(line => line.Length > 0)
            .ToDictionary(line => line[..line.LastIndexOf(Separator, StringComparison.Ordinal)], line => line[(line.LastIndexOf(Separator, StringComparison.Ordinal) + Separator.Length)..]),
        StringComparer.Ordinal);

    private static string Line((string Key, string? Before, string? After) change) => (change.Before, change.After) switch
    {
        (null, var after) => $"+ {change.Key}{Separator}{after}",
        (var before, null) => $"- {change.Key}{Separator}{before}",
        var (before, after) => $"{change.Key}{Separator}{before} -> {after}",
    };
}
