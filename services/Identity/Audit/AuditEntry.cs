namespace OpsPlatform.Identity.Audit;

internal enum AuditEvent
{
    Register,
    LogIn,
    LockOut,
    LogOut,
    Refresh,
    RefreshReused,
    Switch,
    Join,
    SessionRevoked,
    RoleChanged,
    MemberRemoved,
    ApiKeyCreated,
    ApiKeyRevoked,
    ApiKeyUsed,
    ServiceToken,
}

/// <summary>One thing that happened, as it was written down then. Holds no password, token or key.</summary>
internal sealed class AuditEntry
{
    public Guid Id { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public Guid? OrgId { get; init; }

    /// <summary>Whom it is about.</summary>
    public Guid? UserId { get; init; }

    /// <summary>Who did it: a user id or a service; null when nobody has proven who they are.</summary>
    public string? Actor { get; init; }

    public AuditEvent Event { get; init; }

    public bool Succeeded { get; init; }

    public string? Reason { get; init; }

    public string? Detail { get; init; }

    public string? Email { get; init; }

    public string? Address { get; init; }

    public string? UserAgent { get; init; }
}
