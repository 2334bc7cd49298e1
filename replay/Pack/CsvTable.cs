using System.Globalization;
using System.Text;

namespace OpsPlatform.Replay.Pack;

/// <summary>A CSV file (RFC 4180, comma, UTF-8, header first) with the place of every field.</summary>
internal sealed class CsvTable
{
    private CsvTable(string path, IReadOnlyList<string> header, IReadOnlyList<CsvRow> rows)
    {
        Path = path;
        Header = header;
        Rows = rows;
    }

    public string Path { get; }

    public IReadOnlyList<string> Header { get; }

    public IReadOnlyList<CsvRow> Rows { get; }

    /// <exception cref="FileRefusedException">Not UTF-8, a stray quote, or a row with more or fewer fields than the header.</exception>
    public static CsvTable Read(string path)
    {
        string[]? header = null;
        var rows = new List<CsvRow>();
        CsvRow? blank = null;

        foreach (var row in CsvText.Rows(path, Encoding.UTF8.GetString(TextFile.Read(path))))
        {
            // Only a file's last line may be empty.
            if (blank is { } line)
            {
                throw new FileRefusedException(path, line.Line, 1, "the line is empty");
            }

            if (header is null)
            {
                header = row.Fields;
            }
            else if (row.Fields is [""] && header.Length > 1)
            {
                blank = row;
            }
            else if (row.Fields.Length != header.Length)
            {
                throw new FileRefusedException(
                    path,
                    row.Line,
                    Math.Min(row.Fields.Length, header.Length) + 1,
                    $"has {row.Fields.Length} fields, the header has {header.Length}");
            }
            else
            {
                rows.Add(row);
            }
        }

        return header is null or [""]
            ? throw new FileRefusedException(path, 1, 1, "is empty; a header was expected")
            : new CsvTable(path, header, rows);
    }

    /// <exception cref="FileRefusedException">The header lacks the column or names it twice.</exception>
    public int Column(string name)
    {
        var places = Enumerable.Range(0, Header.Count).Where(i => Header[i] == name).ToList();

        return places.Count switch
        {
            1 => places[0],
            0 => throw new FileRefusedException(Path, 1, 0, $"the header has no column '{name}' (it has: {string.Join(", ", Header)})"),
            _ => throw new FileRefusedException(Path, 1, places[1] + 1, $"the header names '{name}' twice"),
        };
    }

    public FileRefusedException Refuse(CsvRow row, int column, string reason) =>
        new(Path, row.Line, column + 1, reason, Header[column]);

    /// <summary>A decimal with a point, not negative, with at most six decimals: what the services keep.</summary>
    public decimal Quantity(CsvRow row, int column) =>
        decimal.TryParse(row[column], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) && PackNumber.IsKept(value)
            ? value
            : throw Refuse(row, column, $"'{row[column]}' is not a number {PackNumber.Range}");

    public string Text(CsvRow row, int column) =>
        row[column].Trim() is { Length: > 0 } text ? text : throw Refuse(row, column, "is empty");
}

internal readonly record struct CsvRow(int Line, string[] Fields)
{
    public string this[int column] => Fields[column];
}

internal static class PackNumber
{
    public const string Range = "from 0 to 1000000000 with at most six decimals";

    /// <summary>Whether the services keep the number to the last digit.</summary>
    public static bool IsKept(decimal value) => value is >= 0 and <= 1_000_000_000 && decimal.Round(value, 6) == value;
}
