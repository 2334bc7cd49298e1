namespace OpsPlatform.Identity.Invitations;

/// <summary>Section Invitations.</summary>
internal sealed class InvitationOptions
{
    public const string Section = "Invitations";

    /// <summary>How long somebody may take to answer.</summary>
    public TimeSpan GoodFor { get; init; } = TimeSpan.FromDays(7);
}
