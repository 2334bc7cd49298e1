using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.OperationTracking.Statistics;

/// <summary>How the organisation's operations of each type went in a span of days (the last thirty unless told, at most 400), and where their time went.</summary>
internal static class GetStatistics
{
    private const int DefaultDays = 30;
    private const int MostDays = 400;

    /// <param name="From">UTC days, both included.</param>
    /// <param name="SuccessRate">Of those that were completed, failed or timed out: the share that was completed, 0 to 1; null when there are none.</param>
    /// <param name="Durations">Of those done at the first attempt, from its begin to the end.</param>
    /// <param name="Time">Seconds of all of them, by what they went by.</param>
    public sealed record TypeStatistics(
        string OperationType, DateOnly From, DateOnly To, long Ended, Outcomes Outcomes, double? SuccessRate, DurationStatistics Durations, Operations.OperationTime Time,
        ForecastStatistics Forecasts, IReadOnlyList<Day> Days);

    public sealed record Outcomes(long Completed, long Failed, long Denied, long Cancelled, long Expired, long TimedOut);

    /// <param name="P50">Seconds; null when there were none.</param>
    public sealed record DurationStatistics(long Operations, double? P50, double? P90, double? P99);

    /// <summary>How often the forecasts were right that were made when a tenth was done.</summary>
    /// <param name="WithinP50">The share that had ended by then, 0 to 1: 0.5 is right.</param>
    /// <param name="WithinP90">The same; 0.9 is right.</param>
    public sealed record ForecastStatistics(long Made, double? WithinP50, double? WithinP90);

    public sealed record Day(DateOnly Date, long Completed, long Failed, long TimedOut);

    public static async Task<Page<TypeStatistics>> Handle(
        DateOnly? from, DateOnly? to, string? operationType, OperationsDb db, TimeProvider time, CancellationToken cancel)
    {
        var last = to ?? DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        var first = from ?? last.AddDays(1 - DefaultDays);
        if (last < first || last.DayNumber - first.DayNumber >= MostDays)
        {
            throw new BadHttpRequestException($"to is not before from, and at most {MostDays} days can be asked for.");
        }

        var days = await db.OperationDays.AsNoTracking().Where(x => x.Day >= first && x.Day <= last && (operationType == null || x.OperationType == operationType)).ToListAsync(cancel);
        var durations = await db.OperationDurations.AsNoTracking()
            .Where(x => x.Day >= first && x.Day <= last && (operationType == null || x.OperationType == operationType))
            .GroupBy(x => new { x.OperationType, x.Bucket }).Select(x => new { x.Key.OperationType, x.Key.Bucket, Operations = x.Sum(y => y.Operations) }).ToListAsync(cancel);
        var took = durations.GroupBy(x => x.OperationType).ToDictionary(x => x.Key, x => new Durations(x.Select(y => ((int)y.Bucket, y.Operations))));
        return new([.. days.GroupBy(x => x.OperationType).OrderBy(x => x.Key, StringComparer.Ordinal).Select(x => Of(x.Key, first, last, [.. x.OrderBy(day => day.Day)], took.GetValueOrDefault(x.Key)))], null);
    }

    private static TypeStatistics Of(string type, DateOnly from, DateOnly to, OperationDay[] days, Durations? took)
    {
        var outcomes = new Outcomes(
            days.Sum(x => x.Completed), days.Sum(x => x.Failed), days.Sum(x => x.Denied), days.Sum(x => x.Cancelled), days.Sum(x => x.Expired), days.Sum(x => x.TimedOut));
        var (tried, forecasts) = (outcomes.Completed + outcomes.Failed + outcomes.TimedOut, days.Sum(x => x.Forecasts));
        return new(
            type, from, to, tried + outcomes.Denied + outcomes.Cancelled + outcomes.Expired, outcomes, Share(outcomes.Completed, tried),
            new(took?.Count ?? 0, took?.Quantile(0.5) / 1000, took?.Quantile(0.9) / 1000, took?.Quantile(0.99) / 1000),
            new(Seconds(days, x => x.QueueMs), Seconds(days, x => x.ApprovalMs), Seconds(days, x => x.LockMs), Seconds(days, x => x.RateLimitMs), Seconds(days, x => x.ExternalMs),
                Seconds(days, x => x.RetryMs), Seconds(days, x => x.WorkMs)),
            new(forecasts, Share(days.Sum(x => x.WithinP50), forecasts), Share(days.Sum(x => x.WithinP90), forecasts)),
            [.. days.Select(x => new Day(x.Day, x.Completed, x.Failed, x.TimedOut))]);
    }

    private static double? Share(long some, long all) => all == 0 ? null : Math.Round((double)some / all, 4);

    private static double Seconds(OperationDay[] days, Func<OperationDay, long> milliseconds) => days.Sum(milliseconds) / 1000.0;
}
