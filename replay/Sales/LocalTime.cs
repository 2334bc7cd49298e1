using System.Globalization;
using OpsPlatform.Replay.Pack;

namespace OpsPlatform.Replay.Sales;

/// <summary>Turns a till's clock (local, no offset) into UTC.</summary>
internal static class LocalTime
{
    private static readonly TimeZoneInfo Zone = TimeZoneInfo.FindSystemTimeZoneById(BakeryPack.TimeZone);

    public static bool TryParse(string text, string format, out DateTime local) =>
        DateTime.TryParseExact(text, format, CultureInfo.InvariantCulture, DateTimeStyles.None, out local);

    /// <summary>
    /// A time that exists twice (autumn) is the first of the two. A time that does not exist (spring) was read from
    /// a clock nobody had put forward yet, so it has the offset of the hour before.
    /// </summary>
    public static DateTime ToUtc(DateTime local)
    {
        var offset =
            Zone.IsAmbiguousTime(local) ? Zone.GetAmbiguousTimeOffsets(local).Max()
            : Zone.IsInvalidTime(local) ? Zone.GetUtcOffset(local.AddDays(-1))
            : Zone.GetUtcOffset(local);

        return DateTime.SpecifyKind(local - offset, DateTimeKind.Utc);
    }
}
