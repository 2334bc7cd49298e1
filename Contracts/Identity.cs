namespace OpsPlatform.Contracts;

/// <summary>The user may act in the organisation with this role.</summary>
public sealed record MemberJoined(Guid UserId, string Role);

/// <summary>The user may no longer act in the organisation; tokens issued before end within ten minutes.</summary>
public sealed record MemberLeft(Guid UserId);

/// <summary>The organisation was founded or says something new about how it counts.</summary>
/// <param name="Currency">ISO 4217.</param>
/// <param name="TimeZone">IANA name such as Europe/London.</param>
/// <param name="DayStartsAt">HH:mm, local time: when its business day begins.</param>
/// <param name="Version">Rises with every change; a listener that has a higher one ignores this message.</param>
public sealed record OrganisationChanged(string Currency, string TimeZone, string DayStartsAt, long Version);
