using System.ComponentModel.DataAnnotations;

namespace OpsPlatform.Inventory;

/// <summary>A quantity as requests may carry it: from 0 (or above it) to 10^12, with at most 6 decimals.</summary>
[AttributeUsage(AttributeTargets.Parameter | AttributeTargets.Property)]
internal sealed class QuantityAttribute : ValidationAttribute
{
    public const decimal Max = 1_000_000_000_000m;
    public const int Decimals = 6;

    public bool AboveZero { get; init; }

    public static bool Fits(decimal quantity) => quantity is >= 0 and <= Max && decimal.Round(quantity, Decimals) == quantity;

    protected override ValidationResult? IsValid(object? value, ValidationContext validationContext) => value switch
    {
        null => ValidationResult.Success,
        decimal quantity when Fits(quantity) && (quantity > 0 || !AboveZero) => ValidationResult.Success,
        _ => new($"{validationContext.DisplayName} must be {(AboveZero ? "above" : "from")} 0, at most {Max}, with at most {Decimals} decimals."),
    };
}
