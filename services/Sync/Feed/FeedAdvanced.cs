using System.Globalization;
using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.Sync.Feed;

/// <summary>Tells the other replicas how far a feed goes now; the poll of the heads stands behind it.</summary>
internal sealed class FeedAdvanced(Replicas replicas, FeedHub hub)
{
    private const string Topic = "feed";

    public void Hear() => replicas.Hear(Topic, text =>
    {
        // A newer build may say more after these two.
        var parts = text.Split(' ');
        if (parts.Length >= 2 && Guid.TryParse(parts[0], out var org) && long.TryParse(parts[1], CultureInfo.InvariantCulture, out var upTo))
        {
            hub.Advance(org, upTo);
        }
    });

    /// <summary>Call it after the commit.</summary>
    public void Tell(Guid org, long upTo) => replicas.Tell(Topic, string.Create(CultureInfo.InvariantCulture, $"{org:N} {upTo}"));
}
