using System.Globalization;
using System.Text;
using System.Text.Json;
using CsvHelper;
using CsvHelper.Configuration;
using OpsPlatform.Orders.Orders;

namespace OpsPlatform.Orders.Exports;

/// <summary>
/// Orders as CSV (RFC 4180, UTF-8): a line for each order line, with the order's values repeated. Times are UTC, money in minor units. What a spreadsheet would
/// take for a formula is preceded by an apostrophe.
/// </summary>
internal static class OrderCsv
{
    private static readonly string[] Header =
    [
        "orderId", "number", "occurredAt", "status", "customerId", "currency", "orderTotalMinor", "note",
        "lineNo", "menuItemId", "name", "category", "kind", "quantity", "unitPriceMinor", "lineTotalMinor", "taxClass",
    ];

    private static readonly CsvConfiguration Configuration = new(CultureInfo.InvariantCulture) { NewLine = "\r\n", InjectionOptions = InjectionOptions.Escape };

    public static byte[] Write(IEnumerable<Order> orders, bool hasHeader)
    {
        using var bytes = new MemoryStream();
        using (var text = new StreamWriter(bytes, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)))
        using (var csv = new CsvWriter(text, Configuration))
        {
            if (hasHeader)
            {
                Row(csv, Header);
            }

            foreach (var order in orders)
            {
                foreach (var line in order.Lines.OrderBy(line => line.LineNo))
                {
                    Row(csv,
                    [
                        order.Id, order.Number, order.OccurredAt.UtcDateTime.ToString("O"), Name(order.Status), order.CustomerId, order.Currency, order.TotalMinor,
                        order.Note, line.LineNo, line.MenuItemId, line.Name, line.Category, Name(line.Kind), line.Quantity, line.UnitPriceMinor, line.TotalMinor,
                        Name(line.TaxClass),
                    ]);
                }
            }
        }

        return bytes.ToArray();
    }

    private static string Name<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());

    private static void Row(CsvWriter csv, object?[] values)
    {
        foreach (var value in values)
        {
            csv.WriteField(value);
        }

        csv.NextRecord();
    }
}
