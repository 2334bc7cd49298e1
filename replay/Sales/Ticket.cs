namespace OpsPlatform.Replay.Sales;

/// <summary>One sale at the till.</summary>
/// <param name="Lines">In the order of the till, each item once with its quantity.</param>
internal sealed record Ticket(long Number, DateTime OccurredAt, IReadOnlyList<TicketLine> Lines);

/// <param name="Item">As item_map.csv writes it.</param>
internal readonly record struct TicketLine(string Item, int Quantity);
