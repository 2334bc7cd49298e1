using OpsPlatform.Contracts;

namespace OpsPlatform.Identity.Organisations;

/// <summary>A tenant. Its day begins at DayStartsAt (HH:mm) in its time zone: reports of a bakery that bakes at three count from four.</summary>
internal sealed class Organisation
{
    public required Guid OrgId { get; init; }

    public required Guid Id { get; init; }

    public required string Name { get; set; }

    public required string Currency { get; set; }

    public required string TimeZone { get; set; }

    public required string DayStartsAt { get; set; }

    public long RowVersion { get; private set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public static Organisation Founded(OrganisationRequest details, DateTimeOffset now)
    {
        var id = Guid.CreateVersion7(now);

        return new Organisation
        {
            OrgId = id,
            Id = id,
            Name = details.Name,
            Currency = details.Currency,
            TimeZone = details.TimeZone,
            DayStartsAt = details.DayStartsAt,
            CreatedAt = now,
        };
    }

    /// <summary>What others count by.</summary>
    public OrganisationChanged Changed() => new(Currency, TimeZone, DayStartsAt, RowVersion);

    public void Change(OrganisationRequest details)
    {
        Name = details.Name;
        Currency = details.Currency;
        TimeZone = details.TimeZone;
        DayStartsAt = details.DayStartsAt;
    }
}
