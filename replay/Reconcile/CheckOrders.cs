using System.Globalization;
using OpsPlatform.Replay.Gateway;
using OpsPlatform.Replay.Pack;
using OpsPlatform.Replay.Play;
using OpsPlatform.Replay.Recompute;

namespace OpsPlatform.Replay.Reconcile;

/// <param name="Consumption">Per ingredient id, recomputed from the pack for every order that stands, and of those only.</param>
/// <param name="Others">Orders of the organisation that the sales file did not make.</param>
internal sealed record OrderFigures(
    int Confirmed, int Rejected, int Cancelled, long RevenueMinor, Dictionary<string, decimal> Consumption, int Others);

/// <summary>Compares the orders the system holds with the tickets.</summary>
internal static class CheckOrders
{
    public static OrderFigures Run(
        Guid organisationId,
        IReadOnlyList<PlannedOrder> planned,
        IReadOnlyList<Order> stored,
        OrderSummary summary,
        BakeryPack pack,
        Consumption consumption,
        Mismatches mismatches)
    {
        var byId = new Dictionary<Guid, Order>();

        foreach (var order in stored.Where(order => !byId.TryAdd(order.Id, order)))
        {
            mismatches.Add($"order {order.Id} is listed twice");
        }

        var consumptions = new List<Dictionary<string, decimal>>();
        var (confirmed, rejected, cancelled, revenueMinor) = (0, 0, 0, 0L);

        foreach (var plan in planned)
        {
            var name = $"ticket {plan.Ticket.Number}";

            if (!byId.Remove(plan.Id, out var order))
            {
                mismatches.Add($"{name}: there is no order {plan.Id}");
                continue;
            }

            mismatches.Compare($"{name}: total", plan.TotalMinor, order.TotalMinor);
            mismatches.Compare($"{name}: currency", BakeryPack.Currency, order.Currency);
            mismatches.Compare($"{name}: time", Show(plan.Ticket.OccurredAt), Show(order.OccurredAt.UtcDateTime));

            switch (order.Status)
            {
                case "confirmed" or "completed":
                    confirmed++;
                    revenueMinor += plan.TotalMinor;
                    consumptions.Add(plan.Consumption);
                    break;
                case "rejected":
                    rejected++;
                    break;
                case "cancelled":
                    cancelled++;
                    break;
                default:
                    mismatches.Add($"{name}: the order is {order.Status}, neither confirmed nor rejected");
                    break;
            }
        }

        var othersStanding = byId.Values.Where(order => order.Status is "confirmed" or "completed").ToList();
        var itemNames = pack.Items.Values.ToDictionary(item => StableId.MenuItem(organisationId, item.Code), item => item.Name);
        consumptions.AddRange(othersStanding.Select(order => OfOther(order, itemNames, consumption)));
        mismatches.Compare("confirmed orders, list and summary", confirmed + othersStanding.Count, summary.Confirmed + summary.Completed);
        mismatches.Compare(
            "revenue in pence, recomputed and summary", revenueMinor + othersStanding.Sum(order => order.TotalMinor), summary.RevenueMinor);

        return new OrderFigures(confirmed, rejected, cancelled, revenueMinor, Consumption.Sum(consumptions), byId.Count);
    }

    // An order somebody took by hand between two replays consumes the same recipes; what is not of this pack counts nothing here.
    private static Dictionary<string, decimal> OfOther(Order order, Dictionary<Guid, string> itemNames, Consumption consumption) =>
        consumption.OfOrder(
            (order.Lines ?? [])
                .Where(line => itemNames.ContainsKey(line.MenuItemId))
                .Select(line => (itemNames[line.MenuItemId], line.Quantity)));

    private static string Show(DateTime utc) => utc.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
}
