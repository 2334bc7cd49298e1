using System.Globalization;
using System.Text;
using System.Text.Json;

namespace OpsPlatform.Replay.Pack;

/// <summary>A JSON value that knows where in its file it stands, so that a refusal can name the place.</summary>
internal sealed class LocatedJson
{
    private const int MaximumDepth = 32;

    private readonly string path;
    private readonly int line;
    private readonly int column;
    private readonly JsonTokenType type;
    private readonly string text = "";
    private readonly Dictionary<string, LocatedJson> members = [];
    private readonly List<LocatedJson> elements = [];

    private LocatedJson(string path, byte[] bytes, ref Utf8JsonReader reader)
    {
        this.path = path;
        type = reader.TokenType;
        (line, column) = TextFile.PlaceOf(bytes, (int)reader.TokenStartIndex);

        switch (type)
        {
            case JsonTokenType.StartObject:
                while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
                {
                    var name = reader.GetString()!;
                    reader.Read();
                    var value = new LocatedJson(path, bytes, ref reader);

                    if (!members.TryAdd(name, value))
                    {
                        throw value.Refuse($"'{name}' is given twice");
                    }
                }

                break;
            case JsonTokenType.StartArray:
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    elements.Add(new LocatedJson(path, bytes, ref reader));
                }

                break;
            case JsonTokenType.String:
                text = reader.GetString()!;
                break;
            default:
                text = Encoding.UTF8.GetString(reader.ValueSpan);
                break;
        }
    }

    /// <exception cref="FileRefusedException">Missing, not UTF-8 or not JSON.</exception>
    public static LocatedJson Read(string path)
    {
        var bytes = TextFile.Read(path);
        var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { MaxDepth = MaximumDepth });

        try
        {
            reader.Read();
            var root = new LocatedJson(path, bytes, ref reader);
            // Reading on finds anything that stands behind the value.
            reader.Read();

            return root;
        }
        catch (JsonException error)
        {
            throw new FileRefusedException(
                path,
                (int)(error.LineNumber ?? 0) + 1,
                (int)(error.BytePositionInLine ?? 0) + 1,
                $"is not JSON: {error.Message.Split(". LineNumber", 2)[0]}");
        }
    }

    public IReadOnlyList<LocatedJson> Elements =>
        type == JsonTokenType.StartArray ? elements : throw Refuse("a list was expected");

    public LocatedJson Member(string name) =>
        type != JsonTokenType.StartObject ? throw Refuse("an object was expected")
        : members.GetValueOrDefault(name) ?? throw Refuse($"'{name}' is missing");

    public LocatedJson? MemberOrNull(string name) => members.GetValueOrDefault(name);

    public string Text() =>
        type == JsonTokenType.String && text.Trim().Length > 0 ? text : throw Refuse("a text was expected");

    /// <summary>A number above zero that the services keep to the last digit.</summary>
    public decimal Quantity() =>
        type == JsonTokenType.Number
        && decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
        && value > 0
        && PackNumber.IsKept(value)
            ? value
            : throw Refuse($"'{text}' is not a number above 0, {PackNumber.Range}");

    public FileRefusedException Refuse(string reason) => new(path, line, column, reason);
}
