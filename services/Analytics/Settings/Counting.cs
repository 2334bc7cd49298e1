using Microsoft.EntityFrameworkCore;

namespace OpsPlatform.Analytics.Settings;

/// <summary>How the caller's organisation counts at this moment.</summary>
/// <param name="Currency">Null until Identity told it; costs are in it, sales have their own.</param>
/// <param name="TimeZone">As told by Identity.</param>
/// <param name="CountingZone">The zone days are counted in: the told one, or UTC where the database does not know it.</param>
/// <param name="DayStartsAt">Local time at which a business day begins.</param>
/// <param name="Today">The business day it is.</param>
/// <param name="Generation">The one shown.</param>
internal sealed record Counting(string? Currency, string TimeZone, string CountingZone, TimeOnly DayStartsAt, DateOnly Today, int Generation)
{
    public static async Task<Counting> Of(AnalyticsDb db, TimeProvider time, CancellationToken cancel) =>
        await db.Database.SqlQuery<Counting>(
            $"""
            SELECT currency AS "Currency", time_zone AS "TimeZone", counting_zone AS "CountingZone", day_starts_at AS "DayStartsAt",
              business_day({time.GetUtcNow()}, counting_zone, day_starts_at) AS "Today", live_generation AS "Generation"
            FROM organisations WHERE org_id = (SELECT current_org())
            """).SingleOrDefaultAsync(cancel)
        // Nothing was heard of the organisation yet: it has no totals either.
        ?? new(null, "UTC", "UTC", TimeOnly.MinValue, DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime), 1);

    /// <summary>The business days asked for, both included; the last 30 when nothing is said.</summary>
    /// <exception cref="BadHttpRequestException">The first lies after the last, or there are too many; answered as 400.</exception>
    public Period Period(DateOnly? from, DateOnly? to)
    {
        var last = to ?? Max(from, Today);
        var first = from ?? (last.DayNumber < Settings.Period.DefaultDays ? DateOnly.MinValue : last.AddDays(1 - Settings.Period.DefaultDays));
        if (first > last)
        {
            throw new BadHttpRequestException($"from must not be after to; it is {first:yyyy-MM-dd} and {last:yyyy-MM-dd}.");
        }

        return last.DayNumber - first.DayNumber < Settings.Period.MaxDays
            ? new(first, last)
            : throw new BadHttpRequestException($"at most {Settings.Period.MaxDays} days can be asked for; these are {last.DayNumber - first.DayNumber + 1}.");
    }

    private static DateOnly Max(DateOnly? from, DateOnly today) => from > today ? from.Value : today;
}

/// <summary>Business days, first and last included.</summary>
internal sealed record Period(DateOnly From, DateOnly To)
{
    public const int MaxDays = 400;
    public const int DefaultDays = 30;
}
