namespace OpsPlatform.Chaos.Invariants;

/// <summary>What does not hold, each with what was expected and what was found.</summary>
internal sealed class Findings
{
    private const int MostKept = 30;
    private readonly List<string> _lines = [];

    public IReadOnlyList<string> Lines => _lines;

    public int Count { get; private set; }

    public void Add(string invariant, string what, object expected, object found)
    {
        Count++;
        if (_lines.Count < MostKept)
        {
            _lines.Add(FormattableString.Invariant($"{invariant}: {what}: expected {expected}, found {found}"));
        }
    }

    public void Compare<T>(string invariant, string what, T expected, T found)
        where T : notnull
    {
        if (!expected.Equals(found))
        {
            Add(invariant, what, expected, found);
        }
    }

    public void Add(Findings others)
    {
        _lines.AddRange(others._lines.Take(MostKept - _lines.Count));
        Count += others.Count;
    }
}

/// <summary>What must hold whatever happens.</summary>
internal interface IInvariant
{
    string Name { get; }

    /// <summary>What must hold at every moment, while work goes on; cheap, as it looks mostly at what is new since the last time.</summary>
    Task Live(Findings findings, CancellationToken cancel);

    /// <summary>All of it, once nothing is under way any more.</summary>
    Task Quiet(Findings findings, CancellationToken cancel);
}
