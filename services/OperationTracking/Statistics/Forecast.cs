namespace OpsPlatform.OperationTracking.Statistics;

/// <summary>When an operation will have ended: half of them earlier than P50, nine of ten earlier than P90.</summary>
internal sealed record Forecast(TimeSpan P50, TimeSpan P90)
{
    /// <summary>Rates of the first moments and of the first percent foretell nothing.</summary>
    private static readonly TimeSpan EarliestRate = TimeSpan.FromSeconds(2);
    private const double LeastPercent = 1;

    /// <summary>
    /// The present rate and the history of its type each say how much is left; the further an operation has come, the more its own rate counts.
    /// A rate alone may be wrong by as much again at the beginning, and by nothing at the end.
    /// </summary>
    /// <param name="elapsed">Since the attempt began.</param>
    /// <param name="percent">Of the whole, 0 to 100.</param>
    /// <param name="history">Of operations of its type and size; null when there are too few.</param>
    /// <returns>Null when neither says anything.</returns>
    public static Forecast? Of(TimeSpan elapsed, double percent, Durations? history)
    {
        var done = percent / 100;
        double? rate = elapsed >= EarliestRate && percent >= LeastPercent ? elapsed.TotalMilliseconds * (1 - done) / done : null;
        var (past50, past90) = (history?.Quantile(0.5, elapsed.TotalMilliseconds) - elapsed.TotalMilliseconds, history?.Quantile(0.9, elapsed.TotalMilliseconds) - elapsed.TotalMilliseconds);
        var (p50, p90) = (Mixed(past50, rate, done), Mixed(past90, rate * (2 - done), done));
        return p50 is null || p90 is null ? null : new(TimeSpan.FromMilliseconds(p50.Value), TimeSpan.FromMilliseconds(Math.Max(p50.Value, p90.Value)));
    }

    private static double? Mixed(double? past, double? rate, double done) =>
        (past, rate) is ({ } one, { } other) ? ((1 - done) * one) + (done * other) : past ?? rate;
}
