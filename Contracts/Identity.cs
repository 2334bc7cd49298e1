namespace OpsPlatform.Contracts;

/// <summary>The user may act in the organisation with this role.</summary>
public sealed record MemberJoined(Guid UserId, string Role);

/// <summary>The user may no longer act in the organisation; tokens issued before end within ten minutes.</summary>
public sealed record MemberLeft(Guid UserId);
