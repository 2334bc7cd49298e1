using OpsPlatform.Replay.Pack;
using OpsPlatform.Replay.Recompute;
using OpsPlatform.Replay.Sales;

namespace OpsPlatform.Replay.Play;

/// <summary>The order a ticket becomes, with what it must cost and take from stock by the pack alone.</summary>
internal sealed record PlannedOrder(
    Guid Id, Ticket Ticket, IReadOnlyList<TicketLine> Lines, long TotalMinor, Dictionary<string, decimal> Consumption)
{
    /// <summary>In the order of the tickets; a ticket of excluded items only makes no order.</summary>
    public static List<PlannedOrder> From(Guid organisationId, IEnumerable<Ticket> tickets, BakeryPack pack, Consumption consumption)
    {
        var orders = new List<PlannedOrder>();

        foreach (var ticket in tickets)
        {
            var lines = ticket.Lines.Where(line => pack.Items[line.Item].Kind != ItemKind.Exclude).ToList();

            if (lines.Count > 0)
            {
                var sold = lines.Select(line => (line.Item, line.Quantity)).ToList();
                orders.Add(new PlannedOrder(
                    StableId.Order(organisationId, ticket.Number), ticket, lines, consumption.Revenue(sold), consumption.OfOrder(sold)));
            }
        }

        return orders;
    }
}
