using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.Analytics.Settings;

/// <summary>How the organisation counts: what Identity says about it, and the tax rates kept here.</summary>
internal static class GetSettings
{
    /// <param name="Currency">ISO 4217; null until Identity told it.</param>
    /// <param name="TimeZone">Changed at PUT /identity/organisation, as is dayStartsAt.</param>
    /// <param name="CountingZone">The zone in use: UTC when the told one is not known here.</param>
    /// <param name="Today">The business day it is.</param>
    /// <param name="TaxRates">From the first on; without any, no tax is computed.</param>
    public sealed record Response(
        string? Currency, string TimeZone, string CountingZone, string DayStartsAt, DateOnly Today, IReadOnlyList<TaxRateResponse> TaxRates);

    public static async Task<Ok<Response>> Handle(AnalyticsDb db, TimeProvider time, CancellationToken cancel)
    {
        var counting = await Counting.Of(db, time, cancel);
        var rates = await db.TaxRates.AsNoTracking().OrderBy(x => x.ValidFrom).Take(SetTaxRate.MaxRates).ToListAsync(cancel);
        return TypedResults.Ok(new Response(
            counting.Currency, counting.TimeZone, counting.CountingZone, counting.DayStartsAt.ToString("HH:mm"), counting.Today,
            [.. rates.Select(TaxRateResponse.Of)]));
    }
}
