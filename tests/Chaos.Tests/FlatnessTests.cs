using OpsPlatform.Chaos.Watch;

namespace OpsPlatform.Chaos.Tests;

public sealed class FlatnessTests
{
    [Theory]
    [InlineData(100, 100, true)]
    [InlineData(100, 119, true)]
    [InlineData(100, 125, false)]
    [InlineData(10, 19, true)]
    [InlineData(10, 31, false)]
    [InlineData(100, 50, true)]
    public void A_fifth_more_or_the_slack_is_flat_and_more_is_growth(double early, double late, bool isFlat)
    {
        // What the first quarter uses is warming up and what the third uses is on the way: neither counts.
        var series = Over(early, quarter => quarter switch { 0 => 1_000, 1 => early, 2 => 2_000, _ => late });

        Flatness.Of(series, slack: 20).ShouldBe(new Flatness(early, late, isFlat));
    }

    [Fact]
    public void A_plot_has_a_line_for_each_series()
    {
        var plot = LinePlot.Of("memory", [Over(1, quarter => quarter), Over(2, _ => 7)]);

        plot.Split("<polyline").Length.ShouldBe(3);
        plot.ShouldNotContain("NaN");
    }

    private static Series Over(double name, Func<int, double> valueOfQuarter)
    {
        var series = new Series("memory", $"{name}", "MB");
        for (var second = 0; second < 400; second++)
        {
            series.Points.Add((second, valueOfQuarter(second / 100)));
        }

        return series;
    }
}
