using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Analytics.Settings;

namespace OpsPlatform.Analytics.Customers;

/// <summary>How often customers come back, over all time.</summary>
internal static class SummariseCustomers
{
    /// <param name="Repeating">Customers with two orders or more.</param>
    /// <param name="RepeatRate">Repeating over all, 0 to 1; null without customers.</param>
    /// <param name="AverageIntervalDays">The mean time between two orders of one customer, over all such intervals; null without any.</param>
    /// <param name="Tickets">Orders whose customer is known.</param>
    public sealed record Response(long Customers, long Repeating, long Tickets, decimal? RepeatRate, decimal? AverageIntervalDays);

    public static async Task<Ok<Response>> Handle(AnalyticsDb db, TimeProvider time, CancellationToken cancel)
    {
        var counting = await Counting.Of(db, time, cancel);
        return TypedResults.Ok(await db.Database.SqlQuery<Response>(
            $"""
            SELECT count(*) AS "Customers", count(*) FILTER (WHERE tickets > 1) AS "Repeating", coalesce(sum(tickets), 0)::bigint AS "Tickets",
              round(count(*) FILTER (WHERE tickets > 1)::numeric / nullif(count(*), 0), 6) AS "RepeatRate",
              round((sum(extract(epoch FROM last_at - first_at)) / 86400 / nullif(sum(tickets - 1), 0))::numeric, 4) AS "AverageIntervalDays"
            FROM (
              SELECT sum(tickets) AS tickets, min(first_at) AS first_at, max(last_at) AS last_at
              FROM customer_totals WHERE org_id = (SELECT current_org()) AND generation = {counting.Generation} GROUP BY customer_id) AS c
            """).SingleAsync(cancel));
    }
}
