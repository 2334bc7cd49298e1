namespace OpsPlatform.Bench.Frame;

/// <summary>What a value should reach, or stay under.</summary>
/// <param name="Aim">Better than the goal, and asked for too.</param>
internal sealed record Goal(double Value, bool IsAtLeast, double? Aim = null)
{
    public static Goal AtLeast(double value, double? aim = null) => new(value, true, aim);

    public static Goal AtMost(double value) => new(value, false);

    /// <summary>What must not happen at all must not have happened in any run; anything else is judged by the median.</summary>
    public bool IsMet(IEnumerable<double> runs, double median) => this is { Value: 0, IsAtLeast: false } ? runs.All(IsMet) : IsMet(median);

    public bool IsMet(double value) => IsAtLeast ? value >= Value : value <= Value;

    public override string ToString() => $"{(IsAtLeast ? "≥" : "≤")} {Number.Text(Value)}{(Aim is { } aim ? $" (aim {Number.Text(aim)})" : "")}";
}

/// <summary>What the same machine does at best, measured in the same run.</summary>
/// <param name="What">How it was measured.</param>
internal sealed record Limit(string What, double Value);

/// <param name="Label">Such as p99; empty when the figure is one value.</param>
internal sealed record FigureValue(string Label, double Value, Goal? Goal = null, double? Limit = null);

/// <summary>One run's outcome of one thing measured.</summary>
/// <param name="RatioGoal">What value ÷ limit should reach.</param>
internal sealed record Figure(string Name, string Unit, IReadOnlyList<FigureValue> Values, string? LimitName = null, Goal? RatioGoal = null)
{
    public static Figure Of(string name, string unit, double value, Goal? goal = null, Limit? limit = null, Goal? ratioGoal = null) =>
        new(name, unit, [new("", value, goal, limit?.Value)], limit?.What, ratioGoal);

    /// <summary>In milliseconds at p50, p95, p99 and max.</summary>
    public static Figure Latency(string name, Samples samples, double? p50Goal = null, double? p99Goal = null, string? limitName = null, Samples? limit = null)
    {
        FigureValue At(string label, double percentile, double? goal) =>
            new(label, samples.At(percentile), goal is { } most ? Goal.AtMost(most) : null, limit?.At(percentile));
        return new(name, "ms", [At("p50", 0.50, p50Goal), At("p95", 0.95, null), At("p99", 0.99, p99Goal), At("max", 1, null)], limitName);
    }
}

internal static class Number
{
    /// <summary>Three digits that matter.</summary>
    public static string Text(double value) => Math.Abs(value) switch
    {
        0 => "0",
        >= 100 => value.ToString("#,0"),
        >= 10 => value.ToString("0.0"),
        >= 1 => value.ToString("0.00"),
        _ => value.ToString("0.000"),
    };
}
