using OpsPlatform.Identity.Sessions;

namespace OpsPlatform.Identity.Invitations;

/// <summary>Whoever holds the code and the address may join the organisation with the role, once. Only the code's hash is kept.</summary>
internal sealed class Invitation
{
    public required Guid OrgId { get; init; }

    public required Guid Id { get; init; }

    /// <summary>Lower case.</summary>
    public required string Email { get; init; }

    public required string Role { get; init; }

    public required byte[] CodeHash { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset ExpiresAt { get; init; }

    /// <returns>The invitation and its code, which nobody can read from it again.</returns>
    public static (Invitation Invitation, string Code) Of(Guid organisationId, string email, string role, DateTimeOffset now, TimeSpan goodFor)
    {
        var code = Secret.NewText();

        return (new Invitation
        {
            OrgId = organisationId,
            Id = Guid.CreateVersion7(now),
            Email = email,
            Role = role,
            CodeHash = Secret.HashOf(code),
            CreatedAt = now,
            ExpiresAt = now + goodFor,
        }, code);
    }
}
