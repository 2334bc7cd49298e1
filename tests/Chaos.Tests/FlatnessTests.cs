using OpsPlatform.Chaos.Watch;

namespace OpsPlatform.Chaos.Tests;

public sealed class FlatnessTests
{
    [Theory]
    [InlineData(100, 2_000, 100, "Flat")]
    [InlineData(100, 110, 119, "Flat")]
    [InlineData(100, 50, 50, "Flat")]
    [InlineData(10, 20, 29, "Flat")]
    [InlineData(100, 112, 125, "Grows")]
    [InlineData(10, 20, 31, "Grows")]
    [InlineData(95, 116, 117, "Settled")]
    [InlineData(95, 114, 117, "Grows")]
    public void A_fifth_more_or_the_slack_is_flat_and_more_is_growth_unless_it_came_to_rest(double early, double middle, double late, string verdict)
    {
        // What the first quarter uses is warming up.
        var series = Over(early, quarter => quarter switch { 0 => 1_000, 1 => early, 2 => middle, _ => late });

        Flatness.Of(series, slack: 20).Is.ToString().ShouldBe(verdict);
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
