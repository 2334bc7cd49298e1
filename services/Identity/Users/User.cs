using Microsoft.AspNetCore.Identity;

namespace OpsPlatform.Identity.Users;

/// <summary>A person who can log in; what they may do is said by their memberships.</summary>
internal sealed class User : IdentityUser<Guid>
{
    public required string DisplayName { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public static User Named(string email, string displayName, DateTimeOffset now) => new()
    {
        Id = Guid.CreateVersion7(now),
        UserName = email,
        Email = email,
        DisplayName = displayName,
        CreatedAt = now,
    };
}
