namespace OpsPlatform.Identity.Organisations;

internal sealed record OrganisationResponse(
    Guid Id, string Name, string Currency, string TimeZone, string DayStartsAt, long RowVersion, DateTimeOffset CreatedAt)
{
    public static OrganisationResponse Of(Organisation organisation) => new(
        organisation.Id, organisation.Name, organisation.Currency, organisation.TimeZone, organisation.DayStartsAt,
        organisation.RowVersion, organisation.CreatedAt);
}
