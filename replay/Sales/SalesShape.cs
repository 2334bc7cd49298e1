using System.Globalization;
using OpsPlatform.Replay.Pack;

namespace OpsPlatform.Replay.Sales;

/// <summary>One row of a sales file as its own columns say it.</summary>
internal readonly record struct Sale(CsvRow Row, long Ticket, DateTime LocalTime, string Item, int Quantity);

/// <summary>A known header and how to read a row below it.</summary>
internal sealed record SalesShape(
    string Name, string[] Header, string Ticket, string Time, string TimeFormat, string Item, string? Date = null, string? Quantity = null)
{
    private const int MaximumQuantity = 10_000;

    public static readonly SalesShape[] Known =
    [
        new("line sales", ["line", "ticket", "sold_at_local", "item"], "ticket", "sold_at_local", "yyyy-MM-dd HH:mm:ss", "item"),
        new("Bread Basket", ["TransactionNo", "Items", "DateTime", "Daypart", "DayType"], "TransactionNo", "DateTime", "yyyy-MM-dd HH:mm:ss", "Items"),
        new("French till export", ["", "date", "time", "ticket_number", "article", "Quantity", "unit_price"],
            "ticket_number", "time", "HH:mm", "article", Date: "date", Quantity: "Quantity"),
    ];

    /// <exception cref="FileRefusedException">No known shape has this header; the place is the first column that is wrong for the nearest shape.</exception>
    public static SalesShape Of(CsvTable table)
    {
        if (Known.FirstOrDefault(shape => shape.Header.SequenceEqual(table.Header)) is { } known)
        {
            return known;
        }

        var nearest = Known.MaxBy(shape => shape.Header.Intersect(table.Header).Count())!;
        var column = table.Header.TakeWhile((name, i) => i < nearest.Header.Length && nearest.Header[i] == name).Count();
        var shapes = string.Join("; ", Known.Select(shape => string.Join(",", shape.Header)));

        throw new FileRefusedException(table.Path, 1, column + 1, $"the header is none of the known ones: {shapes}");
    }

    public Sale Read(CsvTable table, CsvRow row, IReadOnlyDictionary<string, Item> items)
    {
        var item = table.Column(Item);

        if (!items.ContainsKey(row[item]))
        {
            throw table.Refuse(row, item, UnknownItem(row[item], items));
        }

        return new Sale(row, ReadTicket(table, row), ReadTime(table, row), row[item], ReadQuantity(table, row));
    }

    private string UnknownItem(string text, IReadOnlyDictionary<string, Item> items)
    {
        if (text.Length == 0)
        {
            return "is empty; an item was expected";
        }

        var near = items.Keys.FirstOrDefault(name => name.Trim() == text.Trim());
        var hint = near is null ? "" : $"; it has '{near}', and spaces count";

        return $"the item '{text}' is not in {ReadPack.ItemMapFile}{hint}" + (Quantity is null ? "" : $" (this is a {Name}, whose articles need a map of their own)");
    }

    private long ReadTicket(CsvTable table, CsvRow row)
    {
        var column = table.Column(Ticket);
        var text = Quantity is not null && row[column].EndsWith(".0", StringComparison.Ordinal) ? row[column][..^2] : row[column];

        if (text.Trim().Length == 0)
        {
            throw table.Refuse(row, column, "the ticket number is empty");
        }

        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw table.Refuse(row, column, $"'{row[column]}' is not a ticket number (a whole number)");
    }

    private DateTime ReadTime(CsvTable table, CsvRow row)
    {
        var time = table.Column(Time);
        var day = default(DateTime);

        if (Date is not null && !OpsPlatform.Replay.Sales.LocalTime.TryParse(row[table.Column(Date)], "yyyy-MM-dd", out day))
        {
            throw table.Refuse(row, table.Column(Date), $"'{row[table.Column(Date)]}' is not a date (yyyy-MM-dd)");
        }

        if (!OpsPlatform.Replay.Sales.LocalTime.TryParse(row[time], TimeFormat, out var local))
        {
            throw table.Refuse(row, time, $"'{row[time]}' is not a time ({TimeFormat})");
        }

        return Date is null ? local : day + local.TimeOfDay;
    }

    private int ReadQuantity(CsvTable table, CsvRow row)
    {
        if (Quantity is null)
        {
            return 1;
        }

        var column = table.Column(Quantity);
        var style = NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign;

        return decimal.TryParse(row[column], style, CultureInfo.InvariantCulture, out var value)
            && value is >= 1 and <= MaximumQuantity
            && decimal.Truncate(value) == value
            ? (int)value
            : throw table.Refuse(row, column, $"'{row[column]}' is not a quantity sold (1 to {MaximumQuantity}); refunds and parts cannot be replayed");
    }
}
