using System.Globalization;
using OpsPlatform.Replay.Pack;

namespace OpsPlatform.Replay.Sales;

/// <summary>Reads a sales file whole or refuses it at its first bad place; nothing of a refused file is used.</summary>
internal static class ReadSales
{
    // Tills overlap and clocks are put back an hour; a day is neither.
    private static readonly TimeSpan LargestStepBack = TimeSpan.FromHours(24);

    private const int MaximumLinesPerTicket = 200;
    private const int MaximumQuantityPerLine = 10_000;

    /// <summary>The tickets in the order of their times.</summary>
    /// <exception cref="FileRefusedException">The header is unknown, a row is bad, or the dates contradict the ticket numbers.</exception>
    public static IReadOnlyList<Ticket> From(string path, IReadOnlyDictionary<string, Item> items)
    {
        var table = CsvTable.Read(path);
        var shape = SalesShape.Of(table);
        var sales = table.Rows.Select(row => shape.Read(table, row, items)).ToList();

        if (sales.Count == 0)
        {
            throw new FileRefusedException(path, 2, 1, "holds no sales");
        }

        var tickets = sales.GroupBy(sale => sale.Ticket).OrderBy(ticket => ticket.Key).ToList();
        RequireRisingTimes(table, table.Column(shape.Date ?? shape.Time), tickets);

        return
        [
            .. tickets
                .Select(ticket => ToTicket(table, table.Column(shape.Item), ticket))
                .OrderBy(ticket => ticket.OccurredAt)
                .ThenBy(ticket => ticket.Number),
        ];
    }

    private static Ticket ToTicket(CsvTable table, int itemColumn, IGrouping<long, Sale> sales)
    {
        var lines = sales.GroupBy(sale => sale.Item).Select(item => new TicketLine(item.Key, item.Sum(sale => sale.Quantity))).ToList();

        if (lines.Count > MaximumLinesPerTicket || lines.Any(line => line.Quantity > MaximumQuantityPerLine))
        {
            throw table.Refuse(
                sales.First().Row,
                itemColumn,
                $"ticket {sales.Key} is larger than an order may be ({MaximumLinesPerTicket} items, {MaximumQuantityPerLine} of each)");
        }

        return new Ticket(sales.Key, LocalTime.ToUtc(sales.Min(sale => sale.LocalTime)), lines);
    }

    private static void RequireRisingTimes(CsvTable table, int column, IEnumerable<IGrouping<long, Sale>> tickets)
    {
        Sale? latest = null;

        foreach (var ticket in tickets)
        {
            var first = ticket.First();

            foreach (var sale in ticket)
            {
                if (latest is { } before && sale.LocalTime < before.LocalTime - LargestStepBack)
                {
                    throw table.Refuse(sale.Row, column, StepsBack(before, sale));
                }

                if ((sale.LocalTime - first.LocalTime).Duration() > LargestStepBack)
                {
                    throw table.Refuse(
                        sale.Row, column, $"ticket {sale.Ticket} is already from {Show(first.LocalTime)} (line {first.Row.Line}): ticket numbers are used twice");
                }
            }

            var last = ticket.MaxBy(sale => sale.LocalTime);
            latest = latest is { } known && known.LocalTime > last.LocalTime ? known : last;
        }
    }

    private static string StepsBack(Sale before, Sale sale)
    {
        var text = $"ticket {sale.Ticket} is dated {Show(sale.LocalTime)}, but the lower ticket {before.Ticket} (line {before.Row.Line}) "
            + $"is from {Show(before.LocalTime)}: ticket numbers rise while the dates jump back, so the dates are wrong";

        if (sale.LocalTime.Day > 12)
        {
            return text + "; nothing can be replayed at its own time. Repair the dates first";
        }

        var swapped = new DateTime(sale.LocalTime.Year, sale.LocalTime.Day, sale.LocalTime.Month);

        return text + $"; day and month look swapped wherever the day is 12 or less ({Show(swapped, "yyyy-MM-dd")} would fit). Repair the dates first";
    }

    private static string Show(DateTime time, string format = "yyyy-MM-dd HH:mm") => time.ToString(format, CultureInfo.InvariantCulture);
}
