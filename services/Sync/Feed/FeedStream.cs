using System.Buffers;
using System.IO.Pipelines;
using System.Text;

namespace OpsPlatform.Sync.Feed;

/// <summary>Sends one reader the feed as server-sent events: first from the table, then live, without a gap and without a repeat.</summary>
internal sealed class FeedStream(
    PipeWriter body, SyncDb db, Subscription subscription, FeedFilter filter, SyncOptions options, TimeProvider time)
{
    private static readonly byte[] KeepAlive = ": keep-alive\n\n"u8.ToArray();

    /// <summary>A browser waits this long before it comes again.</summary>
    private const string Retry = "retry: 500\n";

    /// <summary>At most fifty flushes a second and reader.</summary>
    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(20);

    private bool _isReady;

    /// <summary>Everything wanted up to here has been written.</summary>
    private long _reached;

    /// <summary>The last id the reader was given; behind what was reached when a filter passed entries over.</summary>
    private long _told;

    private DateTimeOffset _toldAt;
    private DateTimeOffset _writtenAt;
    private bool _isUnflushed;
    private long _flushedAt;

    /// <param name="after">The last position the reader has; null for one that begins now.</param>
    /// <returns>When the reader has fallen behind; it is told to come again.</returns>
    public async Task Run(long? after, CancellationToken cancel)
    {
        _reached = after ?? await ReadHead(cancel);
        await CatchUp(cancel);
        subscription.Attach();
        do
        {
            await CatchUp(cancel);
        }
        while (!subscription.IsLiveAt(_reached));

        WritePosition("ready");
        _isReady = true;
        await Flush(cancel);
        await FollowLive(cancel);
        WritePosition("resume");
        await Flush(cancel);
    }

    /// <summary>The service stops: the reader is told to come again, and another replica takes it.</summary>
    public async Task SayGoodbye(CancellationToken cancel)
    {
        Write(Retry);
        if (_isReady)
        {
            WritePosition("resume");
        }
        else
        {
            // What it had is still its position: nothing to tell it by.
            Write("event: resume\ndata: {}\n\n");
        }

        await Flush(cancel);
    }

    private async Task FollowLive(CancellationToken cancel)
    {
        var waiting = subscription.Wait();
        while (!subscription.IsBehind)
        {
            if (subscription.TryTake(out var batch))
            {
                Write(batch);
                batch.Trail?.Delivered();
                continue;
            }

            await Flush(cancel);
            if (waiting.IsCompleted)
            {
                waiting = subscription.Wait();
            }

            // Without throwing: a quiet stream would throw at each keep-alive.
            await ((Task)waiting.WaitAsync(UntilNextWord(), time, cancel)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancel.ThrowIfCancellationRequested();
            await Gathered(cancel);
            SayWhatIsDue();
        }
    }

    /// <summary>What comes soon after the last frames waits for more: each flush is a system call here, at the gateway and at the reader.</summary>
    private async ValueTask Gathered(CancellationToken cancel)
    {
        var left = Gather - time.GetElapsedTime(_flushedAt);
        if (left > TimeSpan.Zero)
        {
            await Task.Delay(left, time, cancel);
        }
    }

    private async Task CatchUp(CancellationToken cancel)
    {
        FeedPage page;
        do
        {
            page = await ReadPage(_reached, cancel);
            if (page.Head.IsOutOfReach(_reached))
            {
                Write($"event: reset\ndata: {{\"earliest\":{page.Head.Earliest}}}\n\n");
                _reached = page.Head.Position;
            }
            else
            {
                Write(page.Batch);
            }

            await Flush(cancel);
        }
        while (_reached < page.Head.Position);
    }

    private async Task<long> ReadHead(CancellationToken cancel)
    {
        var heads = await db.Read(connection => FeedTable.ReadHeads(connection, [subscription.Org], cancel), cancel);
        return heads.GetValueOrDefault(subscription.Org, FeedHead.Empty).Position;
    }

    private Task<FeedPage> ReadPage(long after, CancellationToken cancel) => db.Read(
        connection => FeedTable.ReadPage(connection, subscription.Org, after, FeedTable.MaxPage, filter, cancel), cancel);

    private void Write(FrameBatch batch)
    {
        if (batch.UpTo <= _reached)
        {
            return;
        }

        if (filter.AdmitsAll && batch.After == _reached)
        {
            Write(batch.Events.Span);
            _told = batch.UpTo;
        }
        else
        {
            foreach (var frame in batch.Frames.Where(frame => frame.Position > _reached && filter.Admits(frame)))
            {
                Write(frame.Event.Span);
                _told = frame.Position;
            }
        }

        _reached = batch.UpTo;
        _toldAt = _told == _reached ? _writtenAt : _toldAt;
    }

    private void SayWhatIsDue()
    {
        var now = time.GetUtcNow();
        if (_told < _reached && now - _toldAt >= options.PositionInterval)
        {
            WritePosition("position");
        }
        else if (now - _writtenAt >= options.KeepAlive)
        {
            Write(KeepAlive);
        }
    }

    private TimeSpan UntilNextWord()
    {
        var dueAt = _writtenAt + options.KeepAlive;
        if (_told < _reached && _toldAt + options.PositionInterval is var positionDueAt && positionDueAt < dueAt)
        {
            dueAt = positionDueAt;
        }

        var wait = dueAt - time.GetUtcNow();
        return wait > TimeSpan.Zero ? wait : TimeSpan.Zero;
    }

    private void WritePosition(string name)
    {
        Write($"event: {name}\nid: {_reached}\ndata: {{\"position\":{_reached}}}\n\n");
        _told = _reached;
        _toldAt = _writtenAt;
    }

    private void Write(string text) => Write(Encoding.UTF8.GetBytes(text));

    private void Write(ReadOnlySpan<byte> bytes)
    {
        body.Write(bytes);
        _writtenAt = time.GetUtcNow();
        _isUnflushed = true;
    }

    private async ValueTask Flush(CancellationToken cancel)
    {
        if (_isUnflushed)
        {
            _isUnflushed = false;
            _flushedAt = time.GetTimestamp();
            await body.FlushAsync(cancel);
        }
    }
}
