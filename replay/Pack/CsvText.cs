using System.Text;

namespace OpsPlatform.Replay.Pack;

/// <summary>
/// RFC 4180 by the letter: a file that is not is refused at its place instead of being read somehow,
/// which is why no lenient reader is used.
/// </summary>
internal static class CsvText
{
    /// <exception cref="FileRefusedException">A quotation mark stands where none may, or one is never closed.</exception>
    public static IEnumerable<CsvRow> Rows(string path, string text)
    {
        var position = 0;
        var line = 1;

        while (position < text.Length)
        {
            var start = line;
            var fields = new List<string>();

            do
            {
                fields.Add(text.AsSpan(position) is ['"', ..]
                    ? Quoted(path, text, ref position, ref line, fields.Count + 1)
                    : Plain(path, text, ref position, line, fields.Count + 1));
            }
            while (Take(text, ref position, ','));

            Take(text, ref position, '\r');
            Take(text, ref position, '\n');
            line++;

            yield return new CsvRow(start, [.. fields]);
        }
    }

    private static bool Take(string text, ref int position, char expected)
    {
        var there = position < text.Length && text[position] == expected;
        position += there ? 1 : 0;

        return there;
    }

    private static string Plain(string path, string text, ref int position, int line, int column)
    {
        var length = text.AsSpan(position).IndexOfAny(",\r\n");
        var field = length < 0 ? text[position..] : text.Substring(position, length);

        if (field.Contains('"', StringComparison.Ordinal))
        {
            throw new FileRefusedException(path, line, column, "a quotation mark stands inside a field that does not begin with one");
        }

        position += field.Length;

        return field;
    }

    private static string Quoted(string path, string text, ref int position, ref int line, int column)
    {
        var field = new StringBuilder();
        var opened = line;
        position++;

        while (true)
        {
            var length = text.AsSpan(position).IndexOf('"');

            if (length < 0)
            {
                throw new FileRefusedException(path, opened, column, "the quotation mark that begins this field is never closed");
            }

            field.Append(text, position, length);
            line += text.AsSpan(position, length).Count('\n');
            position += length + 1;

            if (!Take(text, ref position, '"'))
            {
                break;
            }

            field.Append('"');
        }

        return position == text.Length || text[position] is ',' or '\r' or '\n'
            ? field.ToString()
            : throw new FileRefusedException(path, line, column, "something stands behind the closing quotation mark of this field");
    }
}
