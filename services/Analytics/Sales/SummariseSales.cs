using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Analytics.Settings;

namespace OpsPlatform.Analytics.Sales;

/// <summary>
/// A period at a glance. Tax is computed per business day and tax class, rounded once each, half away from zero: prices including
/// tax hold revenue x p / (100 + p), others carry revenue x p / 100 on top, p being the rate valid on the day.
/// </summary>
internal static class SummariseSales
{
    /// <param name="Confirmed">Orders sold; those cancelled since are not among them.</param>
    /// <param name="IngredientCostMinor">What the consumed and not restored ingredients cost, at the cost when they were consumed, in <paramref name="Currency"/>.</param>
    /// <param name="Currency">The organisation's; null until it is known.</param>
    public sealed record Response(
        DateOnly From,
        DateOnly To,
        long Confirmed,
        long Rejected,
        long Cancelled,
        decimal IngredientCostMinor,
        string? Currency,
        IReadOnlyList<Sales> Sales);

    /// <summary>Sales in one currency; all amounts in its minor units.</summary>
    /// <param name="NetMinor">Without tax.</param>
    /// <param name="GrossMinor">What guests paid.</param>
    public sealed record Sales(
        string Currency,
        long Tickets,
        decimal RevenueMinor,
        decimal AverageTicketMinor,
        decimal NetMinor,
        decimal TaxMinor,
        decimal GrossMinor,
        IReadOnlyList<Tax> Taxes);

    /// <summary>One tax class in the period.</summary>
    public sealed record Tax(string TaxClass, decimal RevenueMinor, decimal NetMinor, decimal TaxMinor, decimal GrossMinor);

    private sealed record OrderCounts(long Confirmed, long Rejected, long Cancelled, decimal CostMinor);

    private sealed record Revenue(string Currency, long Tickets, decimal RevenueMinor);

    private sealed record ClassTax(string Currency, string TaxClass, decimal RevenueMinor, decimal NetMinor, decimal TaxMinor, decimal GrossMinor);

    public static async Task<Ok<Response>> Handle(DateOnly? from, DateOnly? to, AnalyticsDb db, TimeProvider time, CancellationToken cancel)
    {
        var counting = await Counting.Of(db, time, cancel);
        var period = counting.Period(from, to);
        var orders = await Orders(db, counting.Generation, period).SingleAsync(cancel);
        var revenues = await Revenues(db, counting.Generation, period).ToListAsync(cancel);
        var taxes = await Taxes(db, counting.Generation, period).ToListAsync(cancel);
        return TypedResults.Ok(new Response(
            period.From, period.To, orders.Confirmed, orders.Rejected, orders.Cancelled, orders.CostMinor, counting.Currency,
            [.. revenues.Select(revenue => Total(revenue, [.. taxes.Where(tax => tax.Currency == revenue.Currency)]))]));
    }

    private static Sales Total(Revenue revenue, ClassTax[] taxes)
    {
        var tax = taxes.Sum(x => x.TaxMinor);
        // A sale whose lines nobody told is in no class, and counts untaxed.
        var classless = revenue.RevenueMinor - taxes.Sum(x => x.RevenueMinor);
        return new(
            revenue.Currency,
            revenue.Tickets,
            revenue.RevenueMinor,
            decimal.Round(revenue.RevenueMinor / revenue.Tickets, MidpointRounding.AwayFromZero),
            taxes.Sum(x => x.NetMinor) + classless,
            tax,
            taxes.Sum(x => x.GrossMinor) + classless,
            [.. taxes.Select(x => new Tax(x.TaxClass, x.RevenueMinor, x.NetMinor, x.TaxMinor, x.GrossMinor))]);
    }

    private static IQueryable<OrderCounts> Orders(AnalyticsDb db, int generation, Period period) => db.Database.SqlQuery<OrderCounts>(
        $"""
        SELECT coalesce(sum(confirmed), 0)::bigint AS "Confirmed", coalesce(sum(rejected), 0)::bigint AS "Rejected",
          coalesce(sum(cancelled), 0)::bigint AS "Cancelled",
          (SELECT round(coalesce(sum(cost_minor), 0), 2) FROM consumption_by_day
           WHERE org_id = (SELECT current_org()) AND generation = {generation} AND day BETWEEN {period.From} AND {period.To}) AS "CostMinor"
        FROM orders_by_day WHERE org_id = (SELECT current_org()) AND generation = {generation} AND day BETWEEN {period.From} AND {period.To}
        """);

    private static IQueryable<Revenue> Revenues(AnalyticsDb db, int generation, Period period) => db.Database.SqlQuery<Revenue>(
        $"""
        SELECT currency AS "Currency", sum(tickets)::bigint AS "Tickets", sum(revenue_minor) AS "RevenueMinor" FROM sales_by_day
        WHERE org_id = (SELECT current_org()) AND generation = {generation} AND day BETWEEN {period.From} AND {period.To} GROUP BY currency ORDER BY currency
        """);

    private static IQueryable<ClassTax> Taxes(AnalyticsDb db, int generation, Period period) => db.Database.SqlQuery<ClassTax>(
        $"""
        SELECT currency AS "Currency", tax_class AS "TaxClass", sum(revenue_minor) AS "RevenueMinor", sum(net_minor) AS "NetMinor",
          sum(tax_minor) AS "TaxMinor", sum(gross_minor) AS "GrossMinor"
        FROM taxes_by_day WHERE org_id = (SELECT current_org()) AND generation = {generation} AND day BETWEEN {period.From} AND {period.To}
        GROUP BY currency, tax_class ORDER BY currency, tax_class
        """);
}
