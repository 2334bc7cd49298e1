namespace OpsPlatform.ServiceDefaults.Auth;

/// <summary>Roles within an organisation; as a policy name each admits the higher ones too.</summary>
public static class Roles
{
    public const string Viewer = "viewer";
    public const string Staff = "staff";
    public const string Admin = "admin";
    public const string Owner = "owner";

    /// <summary>Runs the platform and belongs to no organisation.</summary>
    public const string Operator = "operator";

    /// <summary>
    /// A service of the platform, for itself or for one organisation. No member's policy admits it. As a policy name it admits
    /// services, and admins and owners for their organisation.
    /// </summary>
    public const string Service = "service";

    /// <summary>A policy name only: the platform's services and its operator, and nobody for being a member of an organisation.</summary>
    public const string Platform = "platform";

    /// <summary>From the lowest to the highest.</summary>
    public static readonly IReadOnlyList<string> Ranked = [Viewer, Staff, Admin, Owner];

    public static IEnumerable<string> AtLeast(string role) => Ranked.SkipWhile(r => r != role);
}
