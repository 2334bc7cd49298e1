using System.Numerics;

namespace OpsPlatform.Inventory.Recipes;

/// <summary>An exact quantity of 0 or more in lowest terms; a third of a gram stays a third until it is rounded once.</summary>
internal readonly record struct Fraction
{
    private const int Million = 1_000_000;

    /// <summary>The largest quantity a stock column holds; what rounds to more is more than there can be, and is told as this.</summary>
    private const decimal MaxRounded = 99_999_999_999_999.999999m;

    public Fraction(BigInteger numerator, BigInteger denominator)
    {
        var divisor = BigInteger.GreatestCommonDivisor(numerator, denominator);
        Numerator = numerator / divisor;
        Denominator = denominator / divisor;
    }

    public BigInteger Numerator { get; }

    public BigInteger Denominator { get; }

    public static Fraction Of(decimal quantity)
    {
        Span<int> parts = stackalloc int[4];
        decimal.GetBits(quantity, parts);
        var digits = (new BigInteger((uint)parts[2]) << 64) + (new BigInteger((uint)parts[1]) << 32) + (uint)parts[0];
        return new(quantity < 0 ? -digits : digits, BigInteger.Pow(10, quantity.Scale));
    }

    public static Fraction operator +(Fraction a, Fraction b) => a.Denominator == b.Denominator
        ? new(a.Numerator + b.Numerator, a.Denominator)
        : new((a.Numerator * b.Denominator) + (b.Numerator * a.Denominator), a.Denominator * b.Denominator);

    public static Fraction operator *(Fraction a, Fraction b) => new(a.Numerator * b.Numerator, a.Denominator * b.Denominator);

    public static Fraction operator /(Fraction a, Fraction b) => new(a.Numerator * b.Denominator, a.Denominator * b.Numerator);

    /// <summary>To 6 decimals, half away from zero.</summary>
    public decimal Rounded()
    {
        var millionths = ((2 * Million * Numerator) + Denominator) / (2 * Denominator);
        return millionths > new BigInteger(MaxRounded * Million) ? MaxRounded : (decimal)millionths / Million;
    }
}
