using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Analytics.Settings;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Analytics.Sales;

internal enum PairsBy
{
    Tickets,
    Lift,
}

/// <summary>
/// Items bought together in a period. With n tickets in all, support = n(a,b) / n and lift = n(a,b) x n / (n(a) x n(b)): above 1
/// they are bought together more often than by chance. Orders of more than 20 items make no pairs.
/// </summary>
internal static class ListPairs
{
    private const int DefaultFewestTickets = 2;

    public sealed record Response(long Tickets, IReadOnlyList<Pair> Items);

    /// <param name="Tickets">Orders that hold both.</param>
    /// <param name="FirstTickets">Orders that hold the first, with or without the second.</param>
    public sealed record Pair(
        Guid FirstItemId,
        string? FirstName,
        Guid SecondItemId,
        string? SecondName,
        long Tickets,
        long FirstTickets,
        long SecondTickets,
        decimal Support,
        decimal Lift);

    /// <param name="minTickets">Pairs in fewer orders are left out; 2 unless told, for one order together says nothing.</param>
    public static async Task<Ok<Response>> Handle(
        DateOnly? from, DateOnly? to, Named<PairsBy>? sort, int? minTickets, int? limit, AnalyticsDb db, TimeProvider time, CancellationToken cancel)
    {
        var size = ListTopItems.Bounded(limit);
        var fewest = minTickets ?? DefaultFewestTickets;
        if (fewest < 1)
        {
            throw new BadHttpRequestException("minTickets must be at least 1.");
        }

        var counting = await Counting.Of(db, time, cancel);
        var period = counting.Period(from, to);
        var generation = counting.Generation;
        var tickets = await db.Database.SqlQuery<long>(
            $"""
            SELECT coalesce(sum(confirmed), 0)::bigint AS "Value" FROM orders_by_day
            WHERE org_id = (SELECT current_org()) AND generation = {generation} AND day BETWEEN {period.From} AND {period.To}
            """).SingleAsync(cancel);
        var byLift = sort?.Value == PairsBy.Lift;
        var pairs = await db.Database.SqlQuery<Pair>(
            $"""
            WITH single AS (
              SELECT menu_item_id, sum(tickets)::bigint AS tickets FROM sales_by_item
              WHERE org_id = (SELECT current_org()) AND generation = {generation} AND day BETWEEN {period.From} AND {period.To} GROUP BY menu_item_id),
            pair AS (
              SELECT first_item_id, second_item_id, sum(tickets)::bigint AS tickets FROM pairs_by_day
              WHERE org_id = (SELECT current_org()) AND generation = {generation} AND day BETWEEN {period.From} AND {period.To}
              GROUP BY first_item_id, second_item_id HAVING sum(tickets) >= {fewest})
            SELECT p.first_item_id AS "FirstItemId", x.name AS "FirstName", p.second_item_id AS "SecondItemId", y.name AS "SecondName",
              p.tickets AS "Tickets", a.tickets AS "FirstTickets", b.tickets AS "SecondTickets",
              round(p.tickets::numeric / {tickets}, 6) AS "Support",
              round(p.tickets::numeric * {tickets} / (a.tickets::numeric * b.tickets), 6) AS "Lift"
            FROM pair p
            JOIN single a ON a.menu_item_id = p.first_item_id
            JOIN single b ON b.menu_item_id = p.second_item_id
            LEFT JOIN item_names x ON x.org_id = (SELECT current_org()) AND x.menu_item_id = p.first_item_id
            LEFT JOIN item_names y ON y.org_id = (SELECT current_org()) AND y.menu_item_id = p.second_item_id
            ORDER BY CASE WHEN {byLift} THEN p.tickets::numeric / (a.tickets::numeric * b.tickets) END DESC, p.tickets DESC, p.first_item_id, p.second_item_id
            LIMIT {size}
            """).ToListAsync(cancel);
        return TypedResults.Ok(new Response(tickets, pairs));
    }
}
