namespace OpsPlatform.Analytics.Settings;

/// <summary>The tax an organisation sells under from one business day on. Tax class zero is taxed at 0 %, none is outside of tax.</summary>
internal sealed class TaxRate
{
    public Guid OrgId { get; init; }

    public Guid Id { get; init; }

    public DateOnly ValidFrom { get; init; }

    public bool PricesIncludeTax { get; set; }

    public decimal StandardPercent { get; set; }

    public decimal ReducedPercent { get; set; }

    public long RowVersion { get; private set; }
}

/// <param name="ValidFrom">The first business day these rates apply to; they apply until the next ones.</param>
/// <param name="PricesIncludeTax">True: tax = revenue x p / (100 + p), within the price. False: tax = revenue x p / 100, on top of it.</param>
internal sealed record TaxRateResponse(DateOnly ValidFrom, bool PricesIncludeTax, decimal StandardPercent, decimal ReducedPercent)
{
    public static TaxRateResponse Of(TaxRate rate) => new(rate.ValidFrom, rate.PricesIncludeTax, rate.StandardPercent, rate.ReducedPercent);
}
