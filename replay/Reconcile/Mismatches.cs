using System.Globalization;

namespace OpsPlatform.Replay.Reconcile;

/// <summary>Every figure that differs, one line each.</summary>
internal sealed class Mismatches
{
    private readonly List<string> lines = [];

    public IReadOnlyList<string> Lines => lines;

    public void Add(string line) => lines.Add(line);

    public void Compare<T>(string what, T expected, T actual)
        where T : IEquatable<T>
    {
        if (!expected.Equals(actual))
        {
            lines.Add(string.Create(CultureInfo.InvariantCulture, $"{what}: expected {expected}, found {actual}"));
        }
    }
}
