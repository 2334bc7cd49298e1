using OpsPlatform.Contracts;
using OpsPlatform.Sync.Consistency;

namespace OpsPlatform.Sync.Health;

/// <summary>What an append tells those who watch over it: memory only, but for the rare marker.</summary>
internal sealed class NoteAppends(FeedActivity activity, ApplyFeed apply, Markers markers)
{
    public void Appended(string service, IEnumerable<CapturedChange> changes) => activity.Note(service, changes, apply.Note);

    public Task Passed(ChangeBatch batch, CancellationToken cancel) =>
        batch.Marker is { } marker ? markers.Note(marker, batch.Shard, cancel) : Task.CompletedTask;
}
