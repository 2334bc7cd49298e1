using Microsoft.Extensions.Logging.Abstractions;
using OpsPlatform.Sync.Feed;

namespace OpsPlatform.Sync.Tests;

/// <summary>What the trail keeps until it is stored; here nothing stores it, so all of it is of one second.</summary>
public sealed class TrailBoundsTests : IDisposable
{
    private readonly FeedTrail _trail = new(null!, null!, TimeProvider.System, NullLogger<FeedTrail>.Instance);
    private readonly Guid _org = Guid.NewGuid();

    [Fact]
    public void Of_one_second_it_keeps_about_a_thousand_changes()
    {
        _trail.NoteRead(_org, 0, 600).ShouldNotBeNull();
        _trail.NoteRead(_org, 600, 1200).ShouldNotBeNull();
        _trail.NoteRead(_org, 1200, 1201).ShouldBeNull();
    }

    [Fact]
    public void Of_one_second_it_keeps_at_most_four_megabytes()
    {
        // A character takes two bytes.
        Note(1_500_000).ShouldNotBeNull();
        Note(1_500_000).ShouldBeNull();
    }

    public void Dispose() => _trail.Dispose();

    private FeedTrail.Part? Note(int chars) => _trail.Note(_org, [(1, SyncFixture.Change(_org) with { Metadata = new string('x', chars) })]);
}
