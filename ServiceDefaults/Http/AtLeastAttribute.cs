using System.ComponentModel.DataAnnotations;
using System.Globalization;

namespace OpsPlatform.ServiceDefaults.Http;

/// <summary>A whole number that is bounded below only. <see cref="RangeAttribute"/> compares and tells a long's bounds as doubles, such as 9.223372036854776E+18.</summary>
[AttributeUsage(AttributeTargets.Parameter | AttributeTargets.Property)]
public sealed class AtLeastAttribute(long minimum) : ValidationAttribute
{
    public long Minimum => minimum;

    public override bool IsValid(object? value) => value is null || Convert.ToInt64(value, CultureInfo.InvariantCulture) >= minimum;

    public override string FormatErrorMessage(string name) => $"{name} must be at least {minimum}.";
}
