using System.Globalization;

namespace OpsPlatform.ServiceDefaults.Http;

/// <summary>A point in time in a query, as in a body: ISO 8601 with Z or an offset. Anything else, such as 12:00 or 01/02/2024, is answered 400 and never guessed at.</summary>
public readonly record struct Moment(DateTimeOffset Value)
{
    private static readonly string[] Forms = ["yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd'T'HH:mmK"];

    public static bool TryParse(string? text, out Moment moment)
    {
        // A + that was not encoded arrives as a blank.
        var plain = text?.Replace(' ', '+') ?? "";
        var hasOffset = plain.EndsWith('Z') || (plain.Length > 6 && plain[^6] is '+' or '-');
        var known = DateTimeOffset.TryParseExact(plain, Forms, CultureInfo.InvariantCulture, DateTimeStyles.None, out var value) && hasOffset;
        moment = new(value.ToUniversalTime());
        return known;
    }
}
