using OpsPlatform.Sync.Feed;

namespace OpsPlatform.Sync.Tests;

public sealed class OrganisationFeedTests
{
    private static FrameBatch Batch(long after, long upTo) => new(after, upTo, [], default);

    [Fact]
    public void What_was_told_of_but_is_not_in_the_table_is_not_read_again_and_again()
    {
        var feed = new OrganisationFeed();
        feed.TryDeliver(Batch(0, 5));
        feed.IsBehind(100).ShouldBeTrue();
        feed.TryBeginFilling().ShouldBeTrue();
        feed.BeginReading().ShouldBe(5);
        feed.TryEndFilling(5).ShouldBeTrue();
    }

    [Fact]
    public void What_could_not_be_delivered_while_the_table_was_read_has_it_read_once_more()
    {
        var feed = new OrganisationFeed();
        feed.TryDeliver(Batch(0, 5));
        feed.TryBeginFilling().ShouldBeTrue();
        feed.BeginReading();
        feed.TryDeliver(Batch(7, 8)).ShouldBeFalse();
        feed.TryEndFilling(5).ShouldBeFalse();
        feed.BeginReading().ShouldBe(5);
        feed.TryDeliver(Batch(5, 8)).ShouldBeTrue();
        feed.TryEndFilling(8).ShouldBeTrue();
    }

    [Fact]
    public void A_feed_told_to_begin_again_is_not_read_from_its_beginning()
    {
        var feed = new OrganisationFeed();
        feed.TryDeliver(Batch(0, 5));
        feed.TryBeginFilling().ShouldBeTrue();
        feed.StartAgain();
        feed.BeginReading().ShouldBeNull();
    }
}
