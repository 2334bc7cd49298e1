using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.Analytics.Settings;

/// <summary>Removes the rates valid from that day; those before apply until the next.</summary>
internal static class DeleteTaxRate
{
    public static async Task<Results<NoContent, NotFound>> Handle(DateOnly validFrom, AnalyticsDb db, CancellationToken cancel) =>
        await db.TaxRates.Where(x => x.ValidFrom == validFrom).ExecuteDeleteAsync(cancel) == 1 ? TypedResults.NoContent() : TypedResults.NotFound();
}
