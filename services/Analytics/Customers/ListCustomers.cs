using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Analytics.Settings;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Analytics.Customers;

/// <summary>Customers over all time, those with the highest revenue first; who they are says /customers/{id}.</summary>
internal static class ListCustomers
{
    /// <param name="Tickets">Confirmed orders; cancelled ones are not among them.</param>
    /// <param name="AverageIntervalDays">(last - first) / (tickets - 1); null with one ticket.</param>
    public sealed record CustomerResponse(
        Guid CustomerId,
        string Currency,
        long Tickets,
        decimal RevenueMinor,
        decimal AverageTicketMinor,
        DateTimeOffset FirstAt,
        DateTimeOffset LastAt,
        decimal? AverageIntervalDays);

    internal sealed record Key(decimal RevenueMinor, Guid CustomerId, string Currency);

    public static async Task<Ok<Page<CustomerResponse>>> Handle(int? limit, string? cursor, AnalyticsDb db, TimeProvider time, CancellationToken cancel)
    {
        var size = Paging.Limit(limit);
        var counting = await Counting.Of(db, time, cancel);
        var after = Paging.Decode<Key>(cursor);
        var (revenue, customer, currency) = after ?? new(0, Guid.Empty, "");
        var rows = await db.Database.SqlQuery<CustomerResponse>(
            $"""
            SELECT customer_id AS "CustomerId", currency AS "Currency", tickets AS "Tickets", revenue_minor AS "RevenueMinor",
              round(revenue_minor / tickets) AS "AverageTicketMinor", first_at AS "FirstAt", last_at AS "LastAt",
              round((extract(epoch FROM last_at - first_at) / 86400 / nullif(tickets - 1, 0))::numeric, 4) AS "AverageIntervalDays"
            FROM customer_totals
            WHERE org_id = (SELECT current_org()) AND generation = {counting.Generation}
              AND ({after == null} OR (revenue_minor <= {revenue} AND (revenue_minor < {revenue} OR (customer_id, currency) > ({customer}, {currency}))))
            ORDER BY revenue_minor DESC, customer_id, currency LIMIT {size + 1}
            """).ToListAsync(cancel);
        return TypedResults.Ok(Paging.Cut(rows, size, x => new Key(x.RevenueMinor, x.CustomerId, x.Currency)));
    }
}
