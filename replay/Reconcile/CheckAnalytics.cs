using System.Globalization;
using OpsPlatform.Replay.Gateway;
using OpsPlatform.Replay.Pack;

namespace OpsPlatform.Replay.Reconcile;

/// <summary>Compares what analytics shows for the pack's business days with the orders themselves: tickets and revenue.</summary>
internal sealed class CheckAnalytics(GatewayClient client, TimeProvider clock, TimeSpan patience, Mismatches mismatches)
{
    private const int MostDaysAsked = 400;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestLag = TimeSpan.FromSeconds(30);

    private sealed record Sold(long Tickets, decimal RevenueMinor);

    public async Task Run(Organisation organisation, IReadOnlyList<Order> stored, IEnumerable<DateTime> occurredAt, CancellationToken cancel)
    {
        var zone = TimeZoneInfo.FindSystemTimeZoneById(organisation.TimeZone);
        var starts = TimeSpan.Parse(organisation.DayStartsAt, CultureInfo.InvariantCulture);
        DateOnly Day(DateTime utc) => DateOnly.FromDateTime(TimeZoneInfo.ConvertTimeFromUtc(utc, zone) - starts);
        var days = occurredAt.Select(Day).ToList();
        var (first, last) = (days.Min(), days.Max());
        var standing = stored
            .Where(order => order.Status is "confirmed" or "completed" && order.Currency == BakeryPack.Currency)
            .Where(order => Day(order.OccurredAt.UtcDateTime) is var day && day >= first && day <= last)
            .ToList();
        var expected = new Sold(standing.Count, standing.Sum(order => order.TotalMinor));
        var found = await Settle(expected, first, last, cancel);
        mismatches.Compare("tickets of the pack's business days, orders and analytics", expected.Tickets, found.Tickets);
        mismatches.Compare("revenue of the pack's business days in pence, orders and analytics", expected.RevenueMinor, found.RevenueMinor);
    }

    /// <summary>Analytics follows within a second; what is not there long after is a mismatch.</summary>
    private async Task<Sold> Settle(Sold expected, DateOnly first, DateOnly last, CancellationToken cancel)
    {
        var started = clock.GetTimestamp();
        var bound = patience < LongestLag ? patience : LongestLag;
        while (true)
        {
            var found = await Read(first, last, cancel);
            if (found == expected || clock.GetElapsedTime(started) >= bound)
            {
                return found;
            }

            await Task.Delay(Interval, clock, cancel);
        }
    }

    private async Task<Sold> Read(DateOnly first, DateOnly last, CancellationToken cancel)
    {
        var (tickets, revenueMinor) = (0L, 0m);
        for (var from = first; from <= last; from = from.AddDays(MostDaysAsked))
        {
            var to = from.AddDays(MostDaysAsked - 1);
            var summary = await client.Get<SalesSummary>(
                string.Create(CultureInfo.InvariantCulture, $"analytics/summary?from={from:yyyy-MM-dd}&to={(to < last ? to : last):yyyy-MM-dd}"), cancel);
            foreach (var sales in summary.Sales.Where(sales => sales.Currency == BakeryPack.Currency))
            {
                tickets += sales.Tickets;
                revenueMinor += sales.RevenueMinor;
            }
        }

        return new(tickets, revenueMinor);
    }
}
