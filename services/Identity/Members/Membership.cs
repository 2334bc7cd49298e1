namespace OpsPlatform.Identity.Members;

/// <summary>A user may act in an organisation with a role.</summary>
internal sealed class Membership
{
    public required Guid OrgId { get; init; }

    public required Guid Id { get; init; }

    public required Guid UserId { get; init; }

    public required string Role { get; set; }

    public long RowVersion { get; private set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public static Membership Of(Guid organisationId, Guid userId, string role, DateTimeOffset now) => new()
    {
        OrgId = organisationId,
        Id = Guid.CreateVersion7(now),
        UserId = userId,
        Role = role,
        CreatedAt = now,
    };
}
