using System.Diagnostics;

namespace OpsPlatform.Bench.Frame;

/// <summary>When each marked change was about to be committed. A writer puts b#N into the row, and whoever reads N knows how long it took.</summary>
internal sealed class Marks(int capacity)
{
    private readonly long[] _committing = new long[capacity];
    private readonly string _phase = Guid.NewGuid().ToString("N");
    private int _last = -1;

    public int Next() => Interlocked.Increment(ref _last) is var mark && mark < _committing.Length
        ? mark
        : throw new InvalidOperationException("More changes than there are marks for.");

    /// <summary>Another text in every phase: a row that got the same one again would not have changed.</summary>
    public string Text(int mark) => $"b#{mark} {_phase}";

    public void Commits(int mark) => Volatile.Write(ref _committing[mark], Stopwatch.GetTimestamp());

    public void Commits(int mark, long at) => Volatile.Write(ref _committing[mark], at);

    /// <returns>0 when it is no mark of these.</returns>
    public long CommittedAt(int mark) => mark < _committing.Length ? Volatile.Read(ref _committing[mark]) : 0;
}
