using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Analytics.Settings;

/// <summary>Sets the tax rates valid from a business day on. Reports of days already past change with them at once: tax is computed when it is read.</summary>
internal static class SetTaxRate
{
    public const int MaxRates = 100;
    private const int PercentDecimals = 4;

    /// <param name="PricesIncludeTax">Whether menu prices are what the guest pays (true, as in Europe) or tax comes on top.</param>
    /// <param name="StandardPercent">0 to 100, at most 4 decimals.</param>
    /// <param name="ReducedPercent">0 to the standard rate, at most 4 decimals.</param>
    public sealed record SetTaxRateRequest(bool PricesIncludeTax, decimal StandardPercent, decimal ReducedPercent) : IValidatableObject
    {
        public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
        {
            if (!IsPercent(StandardPercent))
            {
                yield return new($"must be from 0 to 100 with at most {PercentDecimals} decimals", [nameof(StandardPercent)]);
            }

            if (!IsPercent(ReducedPercent) || ReducedPercent > StandardPercent)
            {
                yield return new($"must be from 0 to the standard rate with at most {PercentDecimals} decimals", [nameof(ReducedPercent)]);
            }
        }

        private static bool IsPercent(decimal value) => value is >= 0 and <= 100 && decimal.Round(value, PercentDecimals) == value;
    }

    public static async Task<Results<Ok<TaxRateResponse>, ProblemHttpResult>> Handle(
        DateOnly validFrom, SetTaxRateRequest request, AnalyticsDb db, Caller caller, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        // Two settings at once take turns, so that neither fails on the other's row.
        await db.Database.ExecuteSqlAsync($"SELECT hold_organisation()", cancel);
        var rate = await db.TaxRates.SingleOrDefaultAsync(x => x.ValidFrom == validFrom, cancel);
        if (rate is null)
        {
            if (await db.TaxRates.CountAsync(cancel) >= MaxRates)
            {
                return Problems.TooManyTaxRates(MaxRates);
            }

            rate = new() { OrgId = caller.Org, Id = Guid.CreateVersion7(), ValidFrom = validFrom };
            db.Add(rate);
        }

        rate.PricesIncludeTax = request.PricesIncludeTax;
        rate.StandardPercent = request.StandardPercent;
        rate.ReducedPercent = request.ReducedPercent;
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        return TypedResults.Ok(TaxRateResponse.Of(rate));
    }
}
