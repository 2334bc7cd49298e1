using System.Buffers;
using System.Text;

namespace OpsPlatform.Replay.Pack;

internal static class TextFile
{
    private const long MaximumBytes = 256L * 1024 * 1024;

    /// <summary>The file's bytes without a byte order mark; they are UTF-8.</summary>
    /// <exception cref="FileRefusedException">Missing, too large or not UTF-8.</exception>
    public static byte[] Read(string path)
    {
        if (!File.Exists(path))
        {
            throw new FileRefusedException(path, 0, 0, $"there is no such file in {Path.GetDirectoryName(Path.GetFullPath(path))}");
        }

        try
        {
            if (new FileInfo(path).Length > MaximumBytes)
            {
                throw new FileRefusedException(path, 0, 0, $"is larger than {MaximumBytes / 1024 / 1024} MiB");
            }

            var bytes = File.ReadAllBytes(path);
            var text = bytes.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? bytes[3..] : bytes;
            RequireUtf8(path, text);

            return text;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FileRefusedException(path, 0, 0, $"cannot be read: {error.Message}");
        }
    }

    private static void RequireUtf8(string path, ReadOnlySpan<byte> text)
    {
        var position = 0;

        while (position < text.Length)
        {
            if (Rune.DecodeFromUtf8(text[position..], out var rune, out var length) != OperationStatus.Done)
            {
                var (line, column) = PlaceOf(text, position);
                throw new FileRefusedException(
                    path, line, column, $"the byte 0x{text[position]:X2} is not UTF-8; save the file as UTF-8", "byte of the line");
            }

            if (rune.Value == 0)
            {
                var (line, column) = PlaceOf(text, position);
                throw new FileRefusedException(path, line, column, "holds a zero byte; save the file as UTF-8 text", "byte of the line");
            }

            position += length;
        }
    }

    /// <summary>Line and byte in the line, both from 1, of a byte position.</summary>
    public static (int Line, int Column) PlaceOf(ReadOnlySpan<byte> text, int position)
    {
        var before = text[..position];

        return (before.Count((byte)'\n') + 1, position - before.LastIndexOf((byte)'\n'));
    }
}
