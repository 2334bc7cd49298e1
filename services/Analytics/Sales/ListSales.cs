using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Analytics.Settings;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Analytics.Sales;

/// <summary>
/// Confirmed sales of a period, per business day, per hour of it, per menu item or per category. Days and hours come in order of
/// time; items and categories with the highest revenue first. Cancelled orders are in none of it.
/// </summary>
internal static class ListSales
{
    /// <param name="Day">The business day; by day and hour.</param>
    /// <param name="Hour">When the clock hour began; by hour. The hour a turned-back clock shows twice makes two rows.</param>
    /// <param name="Category">As sold; by item the latest told, null where there is none.</param>
    /// <param name="Tickets">Orders; by item and category those that hold it.</param>
    /// <param name="Quantity">Pieces; by item and category.</param>
    /// <param name="RevenueMinor">What menu prices add up to, in minor units of <paramref name="Currency"/>.</param>
    /// <param name="AverageTicketMinor">Revenue over tickets, rounded half away from zero.</param>
    /// <param name="TaxMinor">By day; see /analytics/summary for classes.</param>
    public sealed record SalesResponse(
        DateOnly? Day,
        DateTimeOffset? Hour,
        Guid? MenuItemId,
        string? Name,
        string? Category,
        string Currency,
        long Tickets,
        long? Quantity,
        decimal RevenueMinor,
        decimal AverageTicketMinor,
        decimal? TaxMinor);

    internal sealed record TimeKey(DateOnly Day, DateTimeOffset? Hour, string Currency);

    internal sealed record AmountKey(decimal RevenueMinor, Guid MenuItemId, string Category, string Currency);

    public static async Task<Ok<Page<SalesResponse>>> Handle(
        DateOnly? from, DateOnly? to, Named<SalesBy>? by, int? limit, string? cursor, AnalyticsDb db, TimeProvider time, CancellationToken cancel)
    {
        var size = Paging.Limit(limit);
        var counting = await Counting.Of(db, time, cancel);
        var period = counting.Period(from, to);
        return TypedResults.Ok(by?.Value switch
        {
            SalesBy.Hour => ByTime(await Hours(db, counting.Generation, period, size, Paging.Decode<TimeKey>(cursor)).ToListAsync(cancel), size),
            SalesBy.Item => ByAmount(await Items(db, counting.Generation, period, size, Paging.Decode<AmountKey>(cursor)).ToListAsync(cancel), size),
            SalesBy.Category => ByAmount(await Categories(db, counting.Generation, period, size, Paging.Decode<AmountKey>(cursor)).ToListAsync(cancel), size),
            _ => ByTime(await Days(db, counting.Generation, period, size, Paging.Decode<TimeKey>(cursor)).ToListAsync(cancel), size),
        });
    }

    private static Page<SalesResponse> ByTime(List<SalesResponse> rows, int size) => Paging.Cut(rows, size, x => new TimeKey(x.Day!.Value, x.Hour, x.Currency));

    private static Page<SalesResponse> ByAmount(List<SalesResponse> rows, int size) =>
        Paging.Cut(rows, size, x => new AmountKey(x.RevenueMinor, x.MenuItemId ?? Guid.Empty, x.Category ?? "", x.Currency));

    private static IQueryable<SalesResponse> Days(AnalyticsDb db, int generation, Period period, int size, TimeKey? after)
    {
        var first = after?.Day ?? period.From;
        var currency = after?.Currency ?? "";
        return db.Database.SqlQuery<SalesResponse>(
            $"""
            SELECT s.day AS "Day", NULL::timestamptz AS "Hour", NULL::uuid AS "MenuItemId", NULL::text AS "Name", NULL::text AS "Category",
              s.currency AS "Currency", s.tickets AS "Tickets", NULL::bigint AS "Quantity", s.revenue_minor AS "RevenueMinor",
              round(s.revenue_minor / s.tickets) AS "AverageTicketMinor",
              (SELECT coalesce(sum(t.tax_minor), 0) FROM taxes_by_day t
               WHERE t.org_id = s.org_id AND t.generation = s.generation AND t.day = s.day AND t.currency = s.currency) AS "TaxMinor"
            FROM sales_by_day s
            WHERE s.org_id = (SELECT current_org()) AND s.generation = {generation} AND s.day BETWEEN {first} AND {period.To} AND (s.day, s.currency) > ({first}, {currency})
            ORDER BY s.day, s.currency LIMIT {size + 1}
            """);
    }

    private static IQueryable<SalesResponse> Hours(AnalyticsDb db, int generation, Period period, int size, TimeKey? after)
    {
        var first = after?.Day ?? period.From;
        var hour = after?.Hour ?? DateTimeOffset.UnixEpoch;
        var currency = after?.Currency ?? "";
        return db.Database.SqlQuery<SalesResponse>(
            $"""
            SELECT day AS "Day", hour AS "Hour", NULL::uuid AS "MenuItemId", NULL::text AS "Name", NULL::text AS "Category", currency AS "Currency",
              tickets AS "Tickets", NULL::bigint AS "Quantity", revenue_minor AS "RevenueMinor", round(revenue_minor / tickets) AS "AverageTicketMinor",
              NULL::numeric AS "TaxMinor"
            FROM sales_by_hour
            WHERE org_id = (SELECT current_org()) AND generation = {generation} AND day BETWEEN {first} AND {period.To}
              AND (day, hour, currency) > ({first}, {hour}, {currency})
            ORDER BY day, hour, currency LIMIT {size + 1}
            """);
    }

    private static IQueryable<SalesResponse> Items(AnalyticsDb db, int generation, Period period, int size, AmountKey? after)
    {
        var last = after ?? new AmountKey(0, Guid.Empty, "", "");
        return db.Database.SqlQuery<SalesResponse>(
            $"""
            SELECT NULL::date AS "Day", NULL::timestamptz AS "Hour", s.menu_item_id AS "MenuItemId", n.name AS "Name", nullif(n.category, '') AS "Category",
              s.currency AS "Currency", s.tickets AS "Tickets", s.quantity AS "Quantity", s.revenue_minor AS "RevenueMinor",
              round(s.revenue_minor / s.tickets) AS "AverageTicketMinor", NULL::numeric AS "TaxMinor"
            FROM (
              SELECT menu_item_id, currency, sum(tickets)::bigint AS tickets, sum(quantity)::bigint AS quantity, sum(revenue_minor) AS revenue_minor
              FROM sales_by_item WHERE org_id = (SELECT current_org()) AND generation = {generation} AND day BETWEEN {period.From} AND {period.To}
              GROUP BY menu_item_id, currency) AS s
            LEFT JOIN item_names n ON n.org_id = (SELECT current_org()) AND n.menu_item_id = s.menu_item_id
            WHERE {after == null} OR (-s.revenue_minor, s.menu_item_id, s.currency) > (-{last.RevenueMinor}, {last.MenuItemId}, {last.Currency})
            ORDER BY s.revenue_minor DESC, s.menu_item_id, s.currency LIMIT {size + 1}
            """);
    }

    private static IQueryable<SalesResponse> Categories(AnalyticsDb db, int generation, Period period, int size, AmountKey? after)
    {
        var last = after ?? new AmountKey(0, Guid.Empty, "", "");
        return db.Database.SqlQuery<SalesResponse>(
            $"""
            SELECT NULL::date AS "Day", NULL::timestamptz AS "Hour", NULL::uuid AS "MenuItemId", NULL::text AS "Name", nullif(s.category, '') AS "Category",
              s.currency AS "Currency", s.tickets AS "Tickets", s.quantity AS "Quantity", s.revenue_minor AS "RevenueMinor",
              round(s.revenue_minor / s.tickets) AS "AverageTicketMinor", NULL::numeric AS "TaxMinor"
            FROM (
              SELECT category, currency, sum(tickets)::bigint AS tickets, sum(quantity)::bigint AS quantity, sum(revenue_minor) AS revenue_minor
              FROM sales_by_category WHERE org_id = (SELECT current_org()) AND generation = {generation} AND day BETWEEN {period.From} AND {period.To}
              GROUP BY category, currency) AS s
            WHERE {after == null} OR (-s.revenue_minor, s.category, s.currency) > (-{last.RevenueMinor}, {last.Category}, {last.Currency})
            ORDER BY s.revenue_minor DESC, s.category, s.currency LIMIT {size + 1}
            """);
    }
}
