using System.Numerics;

namespace OpsPlatform.Replay.Recompute;

/// <summary>An exact fraction in lowest terms; the denominator is positive.</summary>
internal readonly record struct Rational
{
    private readonly BigInteger numerator;
    private readonly BigInteger denominatorLessOne;

    public Rational(BigInteger numerator, BigInteger denominator)
    {
        if (denominator.IsZero)
        {
            throw new DivideByZeroException();
        }

        var divisor = BigInteger.GreatestCommonDivisor(numerator, denominator) * denominator.Sign;
        this.numerator = numerator / divisor;
        // Kept one less, so that default(Rational) is zero and not a division by zero.
        denominatorLessOne = denominator / divisor - 1;
    }

    private BigInteger Numerator => numerator;

    private BigInteger Denominator => denominatorLessOne + 1;

    public bool IsZero => numerator.IsZero;

    public static implicit operator Rational(int value) => new(value, 1);

    public static implicit operator Rational(decimal value)
    {
        var bits = decimal.GetBits(value);
        var magnitude = ((BigInteger)(uint)bits[2] << 64) + ((BigInteger)(uint)bits[1] << 32) + (uint)bits[0];

        return new Rational(value < 0 ? -magnitude : magnitude, BigInteger.Pow(10, value.Scale));
    }

    public static Rational operator +(Rational a, Rational b) =>
        new(a.Numerator * b.Denominator + b.Numerator * a.Denominator, a.Denominator * b.Denominator);

    public static Rational operator *(Rational a, Rational b) => new(a.Numerator * b.Numerator, a.Denominator * b.Denominator);

    public static Rational operator /(Rational a, Rational b) => new(a.Numerator * b.Denominator, a.Denominator * b.Numerator);

    /// <summary>Rounded to <paramref name="places"/> decimals, half away from zero.</summary>
    public decimal Round(int places)
    {
        var scale = BigInteger.Pow(10, places);
        var twice = BigInteger.Abs(Numerator) * scale * 2 + Denominator;
        var rounded = twice / (Denominator * 2) * Numerator.Sign;

        return (decimal)rounded / (decimal)scale;
    }

    /// <summary>The smallest whole number that is not less.</summary>
    public decimal Ceiling()
    {
        var floor = BigInteger.DivRem(Numerator, Denominator, out var rest);

        return (decimal)(rest.Sign > 0 ? floor + 1 : floor);
    }

    public override string ToString() => $"{Numerator}/{Denominator}";
}
