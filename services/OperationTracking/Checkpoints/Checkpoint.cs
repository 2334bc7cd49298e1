namespace OpsPlatform.OperationTracking.Checkpoints;

/// <summary>What is signed of an organisation's timeline.</summary>
/// <param name="Position">Of an entry.</param>
/// <param name="Hash">Of the same entry, in hex.</param>
/// <param name="At">When it was signed.</param>
internal sealed record Checkpoint(Guid Org, long Position, string Hash, DateTimeOffset At);

/// <summary>A checkpoint as it is kept.</summary>
internal sealed class TimelineCheckpoint
{
    public Guid OrgId { get; init; }

    public long Position { get; init; }

    /// <summary>Compact JWS over a <see cref="Checkpoint"/>.</summary>
    public required string Jws { get; init; }

    public DateTimeOffset SignedAt { get; init; }
}
