using Microsoft.EntityFrameworkCore;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.Analytics.Settings;

/// <summary>Keeps how the organisation counts. With another zone or start of the day every fact finds its business day anew, in the same transaction.</summary>
internal sealed class CountAnewWhenOrganisationChanged(AnalyticsDb db) : IHear<OrganisationChanged>
{
    /// <summary>With another zone all an organisation ever sold is counted in one statement.</summary>
    private static readonly TimeSpan LongestCount = TimeSpan.FromMinutes(10);

    public Task Hear(IReadOnlyList<Envelope<OrganisationChanged>> messages, CancellationToken cancel) =>
        Apply(db, messages.Select(x => x.Message).MaxBy(x => x.Version)!, cancel);

    public static Task Apply(AnalyticsDb db, OrganisationChanged told, CancellationToken cancel)
    {
        db.Database.SetCommandTimeout(LongestCount);
        return db.Database.ExecuteSqlAsync(
            $"SELECT apply_settings({told.Currency}, {told.TimeZone}, {told.DayStartsAt}::time, {told.Version})", cancel);
    }
}
