namespace OpsPlatform.OperationTracking.Approvals;

/// <summary>Section Approvals.</summary>
internal sealed class ApprovalOptions
{
    public const string Section = "Approvals";

    /// <summary>How long an organisation's members are taken to be those that the identity service told last.</summary>
    public TimeSpan MembersKept { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How often deadlines, reminders, escalations and changed members are looked for.</summary>
    public TimeSpan LookEvery { get; init; } = TimeSpan.FromSeconds(5);
}
