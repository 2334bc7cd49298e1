namespace OpsPlatform.OperationTracking.Checkpoints;

/// <summary>Section Audit.</summary>
internal sealed class CheckpointOptions
{
    public const string Section = "Audit";

    /// <summary>How old an organisation's last checkpoint becomes before the next is signed, once its timeline has gone on.</summary>
    public TimeSpan CheckpointEvery { get; init; } = TimeSpan.FromMinutes(10);
}
