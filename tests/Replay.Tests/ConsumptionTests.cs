using OpsPlatform.Replay.Recompute;

namespace OpsPlatform.Replay.Tests;

public sealed class ConsumptionTests : IDisposable
{
    private readonly PackFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_twice_named_ingredient_is_added_and_a_third_is_rounded_once_at_the_end()
    {
        // (100 + 25) / 3 and 10 / 3 per bun.
        Of(("Bun", 1)).ShouldBe(new Dictionary<string, decimal> { ["flour"] = 41.666667m, ["sugar"] = 3.333333m }, ignoreOrder: true);
        Of(("Bun", 3)).ShouldBe(new Dictionary<string, decimal> { ["flour"] = 125m, ["sugar"] = 10m }, ignoreOrder: true);
    }

    [Fact]
    public void Items_of_one_order_are_summed_before_rounding()
    {
        // Three thirds on three lines: 41.666667 x 3 would give 125.000001.
        Of(("Bun", 1), ("Bun ", 5), ("Bun", 2)).ShouldBe(new Dictionary<string, decimal> { ["flour"] = 250m, ["sugar"] = 20m }, ignoreOrder: true);
    }

    [Fact]
    public void Components_count_in_yield_pieces_on_every_level()
    {
        // feast = 1.5 plates (2 buns and 0.5 sugar each) + 1 bun = 4 buns + 0.75 sugar.
        Of(("Feast", 1)).ShouldBe(new Dictionary<string, decimal> { ["flour"] = 166.666667m, ["sugar"] = 14.083333m }, ignoreOrder: true);
    }

    [Fact]
    public void Resale_goods_count_in_pieces_and_services_take_nothing() =>
        Of(("Six colas", 2), ("Cola", 1), ("Course", 3)).ShouldBe(new Dictionary<string, decimal> { ["cola"] = 13m }, ignoreOrder: true);

    [Fact]
    public void Revenue_is_quantity_times_price_without_excluded_items() =>
        new Consumption(folder.Read()).Revenue([("Bun", 2), ("Course", 1), ("Correction", 4)]).ShouldBe(4200);

    [Theory]
    [InlineData(1, 2_000_000, "0.000001")]
    [InlineData(-1, 2_000_000, "-0.000001")]
    [InlineData(1, 2_000_001, "0")]
    [InlineData(2, 3, "0.666667")]
    [InlineData(-2, -3, "0.666667")]
    public void Halves_round_away_from_zero(long numerator, long denominator, string rounded) =>
        new Rational(numerator, denominator).Round(6).ShouldBe(decimal.Parse(rounded));

    [Fact]
    public void Decimals_become_exact_fractions()
    {
        Rational value = 79228162514264337.593543950335m;

        (value * 3 / 3).Round(12).ShouldBe(79228162514264337.593543950335m);
        (default(Rational) + value).ShouldBe(value);
        ((Rational)0.1m + 0.2m).ShouldBe((Rational)0.3m);
    }

    [Fact]
    public void Opening_stock_is_rounded_up_to_whole_units()
    {
        Opening.For(OpeningStock.Ample, 100m).ShouldBe(110);
        Opening.For(OpeningStock.Ample, 100.000001m).ShouldBe(111);
        Opening.For(OpeningStock.Tight, 100m).ShouldBe(40);
        Opening.For(OpeningStock.Tight, 1m).ShouldBe(1);
        Opening.For(OpeningStock.Tight, 0m).ShouldBe(0);
    }

    private Dictionary<string, decimal> Of(params (string, int)[] lines) => new Consumption(folder.Read()).OfOrder(lines);
}
