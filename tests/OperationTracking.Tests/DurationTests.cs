using OpsPlatform.OperationTracking.Statistics;

namespace OpsPlatform.OperationTracking.Tests;

/// <summary>What is computed from how long operations took.</summary>
public sealed class DurationTests
{
    [Theory]
    [InlineData(0.5, 500)]
    [InlineData(0.9, 900)]
    [InlineData(0.99, 990)]
    public void A_quantile_is_right_to_a_twentieth(double quantile, double expected) =>
        Evenly(1000).Quantile(quantile)!.Value.ShouldBeInRange(expected * 0.95, expected * 1.05);

    [Fact]
    public void Of_those_that_took_longer_alone_the_quantiles_are_later()
    {
        // Of 500 to 1000 the half is 750.
        Evenly(1000).Quantile(0.5, 500)!.Value.ShouldBeInRange(700, 800);
        Evenly(1000).CountAbove(900).ShouldBeInRange(50, 150);
        Evenly(1000).Quantile(0.5, 5000).ShouldBeNull();
        new Durations([]).Quantile(0.5).ShouldBeNull();
    }

    [Fact]
    public void A_rate_foretells_after_two_seconds_and_one_percent_and_surer_the_further_it_is()
    {
        Forecast.Of(TimeSpan.FromSeconds(1.9), 50, null).ShouldBeNull();
        Forecast.Of(TimeSpan.FromSeconds(60), 0.9, null).ShouldBeNull();
        var early = Forecast.Of(TimeSpan.FromSeconds(10), 10, null)!;
        early.P50.TotalSeconds.ShouldBe(90, 0.001);
        early.P90.TotalSeconds.ShouldBe(171, 0.001);
        var late = Forecast.Of(TimeSpan.FromSeconds(90), 90, null)!;
        late.P50.TotalSeconds.ShouldBe(10, 0.001);
        late.P90.TotalSeconds.ShouldBe(11, 0.001);
    }

    [Fact]
    public void The_history_foretells_at_once_and_gives_way_to_the_rate()
    {
        var history = Evenly(1_000_000);
        Forecast.Of(TimeSpan.Zero, 0, history)!.P50.TotalSeconds.ShouldBeInRange(470, 530);
        // It is thrice as slow as the others were: 30 s for a tenth.
        var slow = Forecast.Of(TimeSpan.FromSeconds(30), 10, history)!;
        slow.P50.TotalSeconds.ShouldBeInRange(440, 520);
        var end = Forecast.Of(TimeSpan.FromSeconds(300), 99, history)!;
        end.P50.TotalSeconds.ShouldBeLessThan(10);
        end.P90.ShouldBeGreaterThanOrEqualTo(end.P50);
    }

    /// <summary>A thousand operations that took from nothing to so many milliseconds.</summary>
    private static Durations Evenly(double most) => new(Enumerable.Range(1, 1000)
        .GroupBy(i => (int)Math.Floor(Math.Log(most * i / 1000) / Math.Log(1.1))).Select(bucket => (bucket.Key, (long)bucket.Count())));
}
