using System.ComponentModel.DataAnnotations;

namespace OpsPlatform.Identity.Organisations;

/// <summary>What an organisation says about itself when it is founded or changed.</summary>
/// <param name="Currency">ISO 4217, upper case.</param>
/// <param name="TimeZone">IANA name such as Europe/London.</param>
/// <param name="DayStartsAt">HH:mm, local time.</param>
internal sealed record OrganisationRequest(
    [Required, MaxLength(200)] string Name,
    [Currency] string Currency,
    [TimeZone] string TimeZone,
    [RegularExpression("([01][0-9]|2[0-3]):[0-5][0-9]", ErrorMessage = "must be a time of day as HH:mm")] string DayStartsAt);
