using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Analytics.Settings;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Analytics.Sales;

internal enum TopBy
{
    Revenue,
    Quantity,
    Tickets,
}

/// <summary>What sold best in a period, by revenue, pieces or tickets.</summary>
internal static class ListTopItems
{
    public const int DefaultItems = 10;
    public const int MaxItems = 100;

    public sealed record Response(IReadOnlyList<TopItem> Items);

    /// <param name="RevenueShare">Of the revenue in this currency, 0 to 1.</param>
    public sealed record TopItem(
        Guid MenuItemId, string? Name, string? Category, string Currency, long Tickets, long Quantity, decimal RevenueMinor, decimal RevenueShare);

    public static async Task<Ok<Response>> Handle(
        DateOnly? from, DateOnly? to, Named<TopBy>? sort, int? limit, AnalyticsDb db, TimeProvider time, CancellationToken cancel)
    {
        var size = Bounded(limit);
        var counting = await Counting.Of(db, time, cancel);
        var period = counting.Period(from, to);
        var by = (sort?.Value ?? TopBy.Revenue).ToString();
        return TypedResults.Ok(new Response(await db.Database.SqlQuery<TopItem>(
            $"""
            SELECT s.menu_item_id AS "MenuItemId", n.name AS "Name", nullif(n.category, '') AS "Category", s.currency AS "Currency", s.tickets AS "Tickets",
              s.quantity AS "Quantity", s.revenue_minor AS "RevenueMinor", s.share AS "RevenueShare"
            FROM (
              SELECT menu_item_id, currency, sum(tickets)::bigint AS tickets, sum(quantity)::bigint AS quantity, sum(revenue_minor) AS revenue_minor,
                coalesce(round(sum(revenue_minor) / nullif(sum(sum(revenue_minor)) OVER (PARTITION BY currency), 0), 6), 0) AS share
              FROM sales_by_item WHERE org_id = (SELECT current_org()) AND generation = {counting.Generation} AND day BETWEEN {period.From} AND {period.To}
              GROUP BY menu_item_id, currency) AS s
            LEFT JOIN item_names n ON n.org_id = (SELECT current_org()) AND n.menu_item_id = s.menu_item_id
            ORDER BY CASE {by} WHEN 'Quantity' THEN s.quantity WHEN 'Tickets' THEN s.tickets ELSE s.revenue_minor END DESC, s.menu_item_id, s.currency
            LIMIT {size}
            """).ToListAsync(cancel)));
    }

    /// <exception cref="BadHttpRequestException">Outside 1..100; answered as 400.</exception>
    public static int Bounded(int? limit) => limit switch
    {
        null => DefaultItems,
        >= 1 and <= MaxItems => limit.Value,
        _ => throw new BadHttpRequestException($"limit must be from 1 to {MaxItems}."),
    };
}
