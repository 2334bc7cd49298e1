namespace OpsPlatform.Replay.Pack;

/// <summary>A file cannot be used. <see cref="Line"/> and <see cref="Column"/> count from 1; 0 when there is no such place.</summary>
internal sealed class FileRefusedException(string file, int line, int column, string reason, string? columnName = null)
    : Exception(Describe(file, line, column, reason, columnName))
{
    public string File => file;

    public int Line => line;

    /// <summary>In CSV files the number of the field, otherwise the byte in the line.</summary>
    public int Column => column;

    public string Reason => reason;

    private static string Describe(string file, int line, int column, string reason, string? columnName)
    {
        var name = columnName is null ? "" : $" ({columnName})";
        var place = (line, column) switch
        {
            (0, _) => "",
            (_, 0) => $", line {line}",
            _ => $", line {line}, column {column}{name}",
        };

        return $"{Path.GetFileName(file)}{place}: {reason}";
    }
}
