using OpsPlatform.Contracts;
using OpsPlatform.Sync.Consistency;

namespace OpsPlatform.Sync.Health;

/// <summary>What an append tells those who watch over it: memory only, but for the rare marker.</summary>
internal sealed class NoteAppends(FeedActivity activity, ApplyFeed apply, Markers markers)
{
    public void Appended(string service, IEnumerable<CapturedChange> changes) => activity.Note(service, changes, apply.Note);

    public Task Passed(Guid marker, int shard, CancellationToken cancel) => markers.Note(marker, shard, cancel);
}
