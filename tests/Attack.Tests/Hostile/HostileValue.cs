using System.Text;
using System.Text.Json;
using OpsPlatform.Attack.Tests.Api;

namespace OpsPlatform.Attack.Tests.Hostile;

/// <summary>A value in its wire form.</summary>
/// <param name="Raw">As it stands in the body: JSON, or what only pretends to be.</param>
/// <param name="MustRefuse">No answer but a refusal is right; otherwise it may be taken, as long as nothing breaks.</param>
public sealed record HostileValue(string Name, byte[] Raw, bool MustRefuse)
{
    public static HostileValue Refused(string raw, string? name = null) => new(name ?? raw, Encoding.UTF8.GetBytes(raw), true);

    public static HostileValue Open(string raw, string? name = null) => new(name ?? raw, Encoding.UTF8.GetBytes(raw), false);
}

/// <summary>What is put in place of a JSON value, by what the document says belongs there.</summary>
public static class JsonValues
{
    private const int FarTooLongChars = 300_000;
    private const int ManyItems = 100_000;
    private static readonly string Deep = new string('[', 10_000) + new string(']', 10_000);

    public static IEnumerable<HostileValue> For(Schema schema)
    {
        if (!schema.IsNullable && schema.Kind != "any")
        {
            yield return HostileValue.Refused("null");
        }

        var values = schema.Kind switch
        {
            "string" => schema.Format switch
            {
                "uuid" => Uuids(),
                "date-time" => Times(),
                "date" => Dates(),
                _ => Texts(schema),
            },
            "integer" => Integers(schema),
            "number" => Numbers(schema),
            "boolean" => [.. Refused("\"true\"", "1", "0", "\"\"", "[]", "{}")],
            "enum" => Enums(schema),
            "array" => Arrays(schema),
            "object" => [.. Refused("1", "\"x\"", "[]", "true"), HostileValue.Refused(Deep, "10,000 levels")],
            _ => Anything(),
        };
        foreach (var value in values)
        {
            yield return value;
        }
    }

    private static IEnumerable<HostileValue> Refused(params string[] raws) => raws.Select(raw => HostileValue.Refused(raw));

    private static IEnumerable<HostileValue> Open(params string[] raws) => raws.Select(raw => HostileValue.Open(raw));

    private static IEnumerable<HostileValue> Texts(Schema schema)
    {
        foreach (var value in Refused("1", "true", "[]", "{}", """["x"]""").Concat(NoText()))
        {
            yield return value;
        }

        yield return HostileValue.Refused(Json(new string('a', FarTooLongChars)), "300,000 characters");
        if (schema.MaxLength is { } max)
        {
            yield return HostileValue.Refused(Json(new string('a', max + 1)), $"{max + 1} characters");
            yield return HostileValue.Open(Json(string.Concat(Enumerable.Repeat("😀", max / 2))), $"{max} characters of emoji");
        }

        foreach (var text in (string[])
            ["", " ", "\t\r\n", "\0", "a\0b", "\u0001\u001b[31m\u007f", "\u202eabc\u200b\ufeff", "e\u0301\u0301\u0301", "\uffff", "' OR 1=1 --", "%s%n{0}", "../../etc/passwd", "<script>alert(1)</script>", "null", "undefined"])
        {
            yield return HostileValue.Open(Json(text));
        }
    }

    /// <summary>JSON strings that are no Unicode text.</summary>
    private static IEnumerable<HostileValue> NoText() =>
    [
        HostileValue.Refused("\"\\ud800\"", "half a surrogate pair"),
        HostileValue.Refused("\"a\\udc00b\"", "the other half"),
        new("invalid UTF-8", [(byte)'"', 0xC3, 0x28, (byte)'"'], true),
        new("overlong UTF-8", [(byte)'"', 0xC0, 0xAF, (byte)'"'], true),
        new("an encoded surrogate", [(byte)'"', 0xED, 0xA0, 0x80, (byte)'"'], true),
        new("a bare control character", [(byte)'"', 0x01, (byte)'"'], true),
        HostileValue.Refused("\"\\x41\"", "an escape JSON does not know"),
    ];

    private static IEnumerable<HostileValue> Uuids() =>
    [
        .. Refused("1", "true", "[]", "{}", "\"\"", "\"x\"", "\"\\u0000\"", "\"0123456789abcdef0123456789abcdeg\"", "\"00000000-0000-0000-0000-0000000000001\"",
            "\"' OR 1=1 --\"", "\"{00000000-0000-0000-0000-000000000001}\"", "\"\\ud800\"", "\"00000000-0000-0000-0000-000000000000\""),
        // New ones, so that none is by chance the id of what another request made.
        HostileValue.Open($"\"{Guid.NewGuid().ToString().ToUpperInvariant()}\"", "a uuid of nobody"),
    ];

    private static IEnumerable<HostileValue> Times() =>
    [
        .. Refused("1", "true", "[]", "{}", "\"\"", "\"x\"", "\"2024-13-01T00:00:00Z\"", "\"2024-02-30T00:00:00Z\"", "\"2024-01-01T24:00:00Z\"", "\"2024-01-01T00:60:00Z\"",
            "\"10000-01-01T00:00:00Z\"", "\"2024-01-01T00:00:00+99:00\"", "\"-2024-01-01T00:00:00Z\"", "\"01/02/2024\"", "\"\\u0000\"", "\"now\"", "1700000000"),
        .. Open("\"0001-01-01T00:00:00Z\"", "\"0001-01-01T00:00:00+14:00\"", "\"9999-12-31T23:59:59Z\"", "\"9999-12-31T23:59:59.9999999-14:00\"", "\"2024-06-01T00:00:00-14:00\"", "\"2024-06-01T00:00:00.1234567899Z\"", "\"1969-12-31T23:59:59Z\"", "\"2024-06-30T23:59:60Z\""),
    ];

    private static IEnumerable<HostileValue> Dates() =>
    [
        .. Refused("1", "true", "[]", "{}", "\"\"", "\"x\"", "\"2024-13-01\"", "\"2024-02-30\"", "\"10000-01-01\"", "\"2024-01-01T00:00:00Z\"", "\"01/02/2024\"", "\"\\u0000\""),
        .. Open("\"0001-01-01\"", "\"9999-12-31\""),
    ];

    private static IEnumerable<HostileValue> Integers(Schema schema) =>
    [
        .. Refused("\"1\"", "true", "[]", "{}", "\"\"", "1.5", "1e400", "-1e400", "9223372036854775808", "-9223372036854775809", "123456789012345678901234567890", "NaN", "Infinity", "\"NaN\"", "01", "+1", "0x10", "\"1,5\"", "1e", "--1"),
        .. schema.Format == "int32" ? Refused("2147483648", "-2147483649") : Open("9223372036854775807", "-9223372036854775808"),
        .. schema.Minimum is { } min ? Refused($"{min - 1}") : [],
        .. schema.Maximum is { } max and < int.MaxValue ? Refused($"{max + 1}") : [],
        .. Open("-1", "0", "-0", "1e2", "1.0", "2147483647", "-2147483648"),
    ];

    private static IEnumerable<HostileValue> Numbers(Schema schema) =>
    [
        .. Refused("\"1\"", "true", "[]", "{}", "\"\"", "1e400", "-1e400", "1e40", "100000000000000000000000000000000000000000", "NaN", "Infinity", "\"NaN\"", "01", "+1", "\"1,5\"", ".5", "1."),
        .. schema.Minimum is { } min ? Refused($"{min - 1}") : [],
        .. Open("-1", "0", "-0.0", "1e-40", "0.0000001", "79228162514264337593543950335", "-79228162514264337593543950335", "1.0000000000000000000000000001", "0.33333333333333333333333333333333333333333333333333", "1000000000000", "1000000000000.000001", "1e20"),
    ];

    private static IEnumerable<HostileValue> Enums(Schema schema)
    {
        var first = schema.Values[0];
        return
        [
            .. Refused("0", "1", "-1", "99", "true", "[]", "{}", "\"\"", "\"bogus\"", "\"0\"", "\"1\"", Json(" " + first), Json(first + "\0"), "\"\\ud800\"", Json(new string('a', FarTooLongChars)[..5000])),
            .. Refused(Json(first.ToUpperInvariant()), Json(char.ToUpperInvariant(first[0]) + first[1..])),
            .. schema.Values.Count > 1 ? Refused(Json($"{first}, {schema.Values[1]}")) : [],
        ];
    }

    private static IEnumerable<HostileValue> Arrays(Schema schema)
    {
        var many = schema.Items?.Kind == "string" ? "\"x\"" : "null";
        return
        [
            .. Refused("1", "\"x\"", "{}", "true"),
            HostileValue.Refused(Deep, "10,000 levels"),
            .. schema.Items is { IsNullable: false, Kind: not "any" } ? Refused("[null]") : [],
            .. schema.Items?.Kind is "object" ? Refused("[1]", "[\"x\"]", "[[]]", "[{}]") : [],
            HostileValue.Refused($"[{string.Join(',', Enumerable.Repeat(many, ManyItems))}]", "100,000 items"),
            .. schema.MaxItems is { } max && schema.Items?.Kind == "string" ? Refused(Json(Enumerable.Repeat("x", max + 1))) : [],
            HostileValue.Open("[]"),
        ];
    }

    private static IEnumerable<HostileValue> Anything() =>
    [
        .. Open("1", "true", "[]", "{}", "\"x\"", "\"\\u0000\"", """{"\u0000":1}""", """{"a":"\u0000"}""", "1e400", """{"n":1e400}""", """{"n":1e100000}""", """{"":""}"""),
        HostileValue.Refused(Deep, "10,000 levels"),
        HostileValue.Refused("\"\\ud800\"", "half a surrogate pair"),
        HostileValue.Refused("""{"a":"\udc00"}""", "half a surrogate pair in a member"),
        HostileValue.Refused("""{"\ud800":1}""", "half a surrogate pair as a name"),
        HostileValue.Refused($$"""{"a":"{{new string('a', FarTooLongChars)}}"}""", "300,000 characters"),
    ];

    private static string Json<T>(T value) => JsonSerializer.Serialize(value);
}
