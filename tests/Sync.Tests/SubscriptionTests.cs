using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using OpsPlatform.Sync.Feed;

namespace OpsPlatform.Sync.Tests;

/// <summary>What waits for a reader that takes its time.</summary>
public sealed class SubscriptionTests : IDisposable
{
    private const int MaxFrames = 4;
    private const int Megabyte = 1024 * 1024;

    private readonly Subscription _reader = new FeedHub(null!, null!, Options.Create(new SyncOptions { SubscriberFrames = MaxFrames }), null!, NullLogger<FeedHub>.Instance)
        .TryEnter(Guid.NewGuid(), "reader")!;

    [Fact]
    public void With_as_many_frames_as_may_wait_it_falls_behind()
    {
        Offer(frames: 3);
        Offer(frames: 1);
        _reader.IsBehind.ShouldBeFalse();
        Offer(frames: 1);
        _reader.IsBehind.ShouldBeTrue();
    }

    [Fact]
    public void With_as_many_bytes_as_may_wait_it_falls_behind()
    {
        Offer(frames: 1, 15 * Megabyte);
        Offer(frames: 1, Megabyte);
        _reader.IsBehind.ShouldBeFalse();
        Offer(frames: 1);
        _reader.IsBehind.ShouldBeTrue();
    }

    [Fact]
    public void What_it_has_taken_waits_no_more()
    {
        for (var i = 0; i < 10; i++)
        {
            Offer(MaxFrames, 16 * Megabyte);
            _reader.TryTake(out _).ShouldBeTrue();
        }

        _reader.IsBehind.ShouldBeFalse();
    }

    public void Dispose() => _reader.Dispose();

    private void Offer(int frames, int bytes = 1) => _reader.Offer(new(0, frames, new Frame[frames], new byte[bytes]));
}
