namespace OpsPlatform.Identity.ApiKeys;

/// <summary>When a key was used last, give or take five minutes.</summary>
internal sealed class ApiKeyUse
{
    public required Guid OrgId { get; init; }

    public required Guid Id { get; init; }

    public required DateTimeOffset LastUsedAt { get; init; }
}
