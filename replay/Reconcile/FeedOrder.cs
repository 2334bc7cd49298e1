using OpsPlatform.Replay.Gateway;

namespace OpsPlatform.Replay.Reconcile;

/// <summary>
/// Whether a feed, taken frame by frame, is whole: positions follow each other, no change comes twice, and
/// each entity's row versions only rise (a deleted and remade entity begins anew).
/// </summary>
/// <param name="after">The position before the first.</param>
internal sealed class FeedOrder(long after = 0)
{
    private readonly HashSet<string> ids = [];
    private readonly Dictionary<(string Service, string Type, string Id), long> versions = [];
    private readonly Dictionary<string, long> counts = [];
    private readonly List<string> faults = [];
    private long position = after;

    /// <summary>Frames per service.</summary>
    public IReadOnlyDictionary<string, long> Counts => counts;

    public void Take(Frame frame)
    {
        if (frame.Position != position + 1)
        {
            faults.Add($"the feed has position {frame.Position} after {position}");
        }

        if (!ids.Add($"{frame.Service}/{frame.Id}"))
        {
            faults.Add($"position {frame.Position} repeats the change {frame.Id} of {frame.Service}");
        }

        var entity = (frame.Service, frame.EntityType, frame.EntityId);

        if (versions.TryGetValue(entity, out var before) && frame.RowVersion <= before)
        {
            faults.Add(
                $"position {frame.Position}: {frame.Service} {frame.EntityType} {frame.EntityId} has row version {frame.RowVersion} after {before}");
        }

        versions[entity] = frame.Operation == "delete" ? 0 : frame.RowVersion;
        counts[frame.Service] = counts.GetValueOrDefault(frame.Service) + 1;
        position = frame.Position;
    }

    /// <summary>All faults so far, and whether the feed stops short of its head.</summary>
    public IEnumerable<string> Faults(long head) =>
        position == head ? faults : faults.Append($"the feed ends at position {position}, its head is {head}");
}
