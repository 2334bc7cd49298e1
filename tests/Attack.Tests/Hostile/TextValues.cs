using OpsPlatform.Attack.Tests.Api;

namespace OpsPlatform.Attack.Tests.Hostile;

/// <summary>A value of a path, a query or a header.</summary>
public sealed record HostileText(string Value, bool MustRefuse, string? Name = null)
{
    public override string ToString() => Name ?? Value;
}

/// <summary>What is put in place of a value that travels as text.</summary>
public static class TextValues
{
    private const string Raw = Sender.Raw;
    private static readonly string Long = new('a', 4000);

    /// <param name="random">Of the run's seed.</param>
    public static IEnumerable<HostileText> ForQuery(Parameter parameter, Random random) => parameter.Name switch
    {
        "cursor" => Cursors(random),
        "limit" => [.. Of(parameter.Schema), .. Refused("0", "-1", "1000000000", "2147483648")],
        _ => Of(parameter.Schema),
    };

    /// <summary>In wire form, for a place in the path.</summary>
    /// <param name="isChosenByTheCaller">Then any id will do.</param>
    public static IEnumerable<HostileText> ForPath(Schema schema, bool isChosenByTheCaller) =>
    [
        .. schema.Format == "uuid" && !isChosenByTheCaller
            ? (IEnumerable<HostileText>)[.. Refused("x", "0", "null", "00000000-0000-0000-0000-00000000000g", "1%20OR%201=1", "00000000-0000-0000-0000-000000000000", $"{Guid.NewGuid()}")]
            : [],
        .. Refused("%FF", "%ED%A0%80", "..%2f..%2fetc", "%2F", "%25%30%30", "%3Cscript%3E", "%F0%9F%98%80"),
        new(Long, true, "4,000 characters"),
        new("", false, "nothing"),
        new("%2e%2e", false),
        new("{0}", false),
        new("%zz", false),
    ];

    private static IEnumerable<HostileText> Of(Schema schema) => schema.Kind switch
    {
        "integer" => [.. Refused("x", "1.5", "1e3", "0x10", "NaN", "99999999999999999999", "-99999999999999999999", "١", Raw + "%00", Raw + "%FF", "1;2", "true"), .. Open("", "-1", "0", "+1", " 1"), .. Bounds(schema)],
        "number" => [.. Refused("x", "NaN", "Infinity", "1e400", "0x10", Raw + "%00", Raw + "%FF", "1e30"), .. Open("", "-1", "0", "1,5", "0.0000001", "79228162514264337593543950335")],
        "boolean" => [.. Refused("x", "2", Raw + "%00"), .. Open("")],
        "array" => [.. Open("", "x", Raw + "%00", Raw + "%FF", Raw + "%ED%A0%80", Long)],
        "enum" => [.. Refused("bogus", "0", "1", schema.Values[0].ToUpperInvariant(), Raw + "%00", Raw + "%FF"), .. Open("")],
        _ => schema.Format switch
        {
            "uuid" => [.. Refused("x", "0", "00000000-0000-0000-0000-00000000000g", Raw + "%00", Raw + "%FF", Long), .. Open("", "00000000-0000-0000-0000-000000000000", "{00000000-0000-0000-0000-000000000000}")],
            "date-time" => [.. Refused("x", "5", "12:00", "01/02/2024", "Jan", "2024-13-01T00:00:00Z", "2024-02-30T00:00:00Z", "2024-01-01T24:00:00Z", "10000-01-01T00:00:00Z", "2024-01-01T00:00:00+99:00", Raw + "%00", Raw + "%FF", Long),
                .. Open("", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.9999999-14:00", "2024-06-01", "2024-06-01T00:00:00")],
            "date" => [.. Refused("x", "5", "01/02/2024", "Jan", "2024-13-01", "2024-02-30", "10000-01-01", Raw + "%00", Raw + "%FF", Long), .. Open("", "0001-01-01", "9999-12-31")],
            _ => [.. Open("", " ", Raw + "%00", "a\0b", Raw + "%FF", Raw + "%C3%28", Raw + "%ED%A0%80", Raw + "%zz", "' OR 1=1 --", "%_\\", "\\", "\u202e😀", Long)],
        },
    };

    private static IEnumerable<HostileText> Bounds(Schema schema) =>
    [
        .. schema.Minimum is { } min ? Refused($"{min - 1}") : [],
        .. schema.Maximum is { } max and < int.MaxValue ? Refused($"{max + 1}") : [],
    ];

    /// <summary>Some are cursors of other lists, so their form may be right here by chance; none may break anything.</summary>
    private static IEnumerable<HostileText> Cursors(Random random)
    {
        foreach (var refused in Refused("!", "%%%", "a", "äöü", Raw + "%00", Raw + "%FF", "null", "{}", Encoded("{"), Encoded("null"), Encoded("{}"), Encoded("[]"), Encoded("true"), Encoded("1e400"), Encoded("{\"a\":1}"), Encoded("\"\\ud800\""), Long))
        {
            yield return refused;
        }

        foreach (var json in (string[])["\"x\"", "\"\\u0000\"", "5", "-1", "9223372036854775807", "\"00000000-0000-0000-0000-000000000000\"", "{\"OccurredAt\":\"9999-12-31T23:59:59.9999999-14:00\",\"Id\":\"00000000-0000-0000-0000-000000000000\"}"])
        {
            yield return new(Encoded(json), false, $"cursor of {json}");
        }

        for (var i = 0; i < 3; i++)
        {
            // Fewer could be a number by chance, which some lists' cursors hold.
            var bytes = new byte[random.Next(8, 60)];
            random.NextBytes(bytes);
            yield return new(Convert.ToBase64String(bytes).Replace('+', '-').Replace('/', '_').TrimEnd('='), true, $"random cursor {Convert.ToHexString(bytes)}");
        }
    }

    private static string Encoded(string json) => Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(json)).Replace('+', '-').Replace('/', '_').TrimEnd('=');

    private static IEnumerable<HostileText> Refused(params string[] values) => values.Select(value => new HostileText(value, true));

    private static IEnumerable<HostileText> Open(params string[] values) => values.Select(value => new HostileText(value, false));
}
