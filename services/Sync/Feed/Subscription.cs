using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;

namespace OpsPlatform.Sync.Feed;

/// <summary>One reader's place in the hub: holds a slot of its organisation and, once attached, gets every batch that is delivered.</summary>
internal sealed class Subscription(FeedHub hub, Guid org, string user, int maxFrames) : IDisposable
{
    /// <summary>A batch is shared by all its readers, so this is also about what a slow organisation's readers hold together.</summary>
    private const long MaxBytes = 16 * 1024 * 1024;

    private readonly Channel<FrameBatch> _batches = Channel.CreateUnbounded<FrameBatch>(new() { SingleReader = true });
    private OrganisationFeed? _feed;
    private int _frames;
    private long _bytes;
    private volatile bool _isBehind;

    public Guid Org => org;

    public string User => user;

    /// <summary>True when batches were not kept for this reader: it has to come again from the last position it has.</summary>
    public bool IsBehind => _isBehind;

    /// <summary>From here on nothing that is delivered is missed; what was appended before has to be read from the table.</summary>
    public void Attach() => _feed = hub.Attach(this);

    /// <summary>True when everything up to <paramref name="reached"/> together with what is and will be offered leaves no gap.</summary>
    public bool IsLiveAt(long reached) => _feed!.IsLiveAt(reached);

    public bool TryTake([MaybeNullWhen(false)] out FrameBatch batch)
    {
        if (!_batches.Reader.TryRead(out batch))
        {
            return false;
        }

        Interlocked.Add(ref _frames, -batch.Frames.Count);
        Interlocked.Add(ref _bytes, -batch.Events.Length);
        return true;
    }

    /// <summary>Completes when there is something to take or the reader has fallen behind.</summary>
    public Task<bool> Wait() => _batches.Reader.WaitToReadAsync().AsTask();

    /// <summary>Never waits: a slow reader must not hold up the others.</summary>
    public void Offer(FrameBatch batch)
    {
        if (Volatile.Read(ref _frames) >= maxFrames || Volatile.Read(ref _bytes) >= MaxBytes)
        {
            FallBehind();
        }
        else if (_batches.Writer.TryWrite(batch))
        {
            Interlocked.Add(ref _frames, batch.Frames.Count);
            Interlocked.Add(ref _bytes, batch.Events.Length);
        }
    }

    public void FallBehind()
    {
        _isBehind = true;
        _batches.Writer.TryComplete();
    }

    public void Dispose() => hub.Leave(this);
}
