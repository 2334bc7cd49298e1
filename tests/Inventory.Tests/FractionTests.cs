using System.Numerics;
using OpsPlatform.Inventory.Recipes;

namespace OpsPlatform.Inventory.Tests;

public sealed class FractionTests
{
    [Fact]
    public void A_decimal_becomes_itself_in_lowest_terms()
    {
        Fraction.Of(2.50m).ShouldBe(new(5, 2));
        Fraction.Of(0m).ShouldBe(new(0, 1));
        Fraction.Of(decimal.MaxValue).ShouldBe(new(new BigInteger(decimal.MaxValue), 1));
        Fraction.Of(0.000001m).ShouldBe(new(1, 1_000_000));
    }

    [Fact]
    public void Rounding_is_half_away_from_zero_and_never_twice()
    {
        new Fraction(1, 2_000_000).Rounded().ShouldBe(0.000001m);
        new Fraction(4_999_999_999_999, 10_000_000_000_000_000_000).Rounded().ShouldBe(0);
        new Fraction(2, 3).Rounded().ShouldBe(0.666667m);
        (new Fraction(1, 3) + new Fraction(2, 3)).Rounded().ShouldBe(1);
        new Fraction(BigInteger.Pow(10, 60), 3).Rounded().ShouldBe(99_999_999_999_999.999999m);
    }
}
