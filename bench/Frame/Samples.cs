using System.Diagnostics;

namespace OpsPlatform.Bench.Frame;

/// <summary>Latencies of one phase, kept whole: a percentile is read from the sorted samples, not from buckets.</summary>
internal sealed class Samples
{
    private readonly Lock _lock = new();
    private int[] _micros = new int[1_024];
    private bool _isSorted;

    public int Count { get; private set; }

    public void Add(long since) => Add(Stopwatch.GetElapsedTime(since));

    public void Add(TimeSpan elapsed)
    {
        var micros = (int)Math.Min(elapsed.TotalMicroseconds, int.MaxValue);
        lock (_lock)
        {
            if (Count == _micros.Length)
            {
                Array.Resize(ref _micros, 2 * Count);
            }

            _micros[Count++] = micros;
            _isSorted = false;
        }
    }

    public void Add(Samples others)
    {
        lock (_lock)
        {
            if (Count + others.Count > _micros.Length)
            {
                Array.Resize(ref _micros, Math.Max(2 * Count, Count + others.Count));
            }

            others._micros.AsSpan(0, others.Count).CopyTo(_micros.AsSpan(Count));
            Count += others.Count;
            _isSorted = false;
        }
    }

    /// <returns>Milliseconds; not a number when there is no sample.</returns>
    public double At(double percentile)
    {
        lock (_lock)
        {
            if (Count == 0)
            {
                return double.NaN;
            }

            if (!_isSorted)
            {
                Array.Sort(_micros, 0, Count);
                _isSorted = true;
            }

            return _micros[Math.Clamp((int)Math.Ceiling(percentile * Count) - 1, 0, Count - 1)] / 1_000.0;
        }
    }

    /// <summary>Steps taken one after another: what each takes at a percentile, added up as if they were late together.</summary>
    public static Samples Sum(params ReadOnlySpan<Samples> steps)
    {
        const int Points = 1_000;
        var sum = new Samples();
        for (var point = 1; point <= Points; point++)
        {
            var millis = 0.0;
            foreach (var step in steps)
            {
                millis += step.At((double)point / Points);
            }

            sum.Add(TimeSpan.FromMilliseconds(millis));
        }

        return sum;
    }
}
