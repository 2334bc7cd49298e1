namespace OpsPlatform.OperationTracking.Operations;

/// <summary>Writes the states of some operations to one reader, until each has ended.</summary>
/// <param name="hasIds">The events say by their id which state they tell.</param>
internal sealed class OperationStream(EventWriter events, IReadOnlyList<Followed> operations, bool hasIds, TimeProvider time)
{
    private static readonly TimeSpan KeepAliveInterval = TimeSpan.FromSeconds(15);

    /// <summary>
    /// States in between are passed over, and what changed of all meanwhile is told together; a person sees no more of them. Less than the
    /// interval in which workers tell, so that one late report does not make all after it late.
    /// </summary>
    private static readonly TimeSpan LeastGap = TimeSpan.FromMilliseconds(90);

    /// <summary>A reader that lost the connection comes again after this time.</summary>
    private const int RetryMs = 500;

    private readonly Dictionary<Followed, string?> _told = [];
    private long _writtenAt = time.GetTimestamp();

    /// <param name="told">The version of the first one that the reader has; null for none.</param>
    public async Task Run(string? told, CancellationToken cancel)
    {
        foreach (var operation in operations)
        {
            _told[operation] = null;
        }

        _told[operations[0]] = told;
        while (true)
        {
            await Tell(cancel);
            if (_told.Count == 0)
            {
                return;
            }

            await Followed.WaitForAny(_told.Keys, KeepAliveInterval - time.GetElapsedTime(_writtenAt), time, cancel);
            cancel.ThrowIfCancellationRequested();
            if (LeastGap - time.GetElapsedTime(_writtenAt) is var early && early > TimeSpan.Zero)
            {
                await Task.Delay(early, time, cancel);
            }
            else if (time.GetElapsedTime(_writtenAt) >= KeepAliveInterval)
            {
                events.KeepAlive();
                await Send(cancel);
            }
        }
    }

    /// <summary>Those that are in another state than the reader knows, together.</summary>
    private async Task Tell(CancellationToken cancel)
    {
        foreach (var (operation, told) in _told.Where(one => one.Key.IsDue).ToArray())
        {
            var now = await operation.Read(cancel);
            if (now is not null && now.Version != told)
            {
                events.Add("operation", hasIds ? now.Version : null, now, RetryMs);
                _told[operation] = now.Version;
            }

            if (now is null or { CompletedAt: not null })
            {
                _told.Remove(operation);
            }
        }

        await Send(cancel);
    }

    private async Task Send(CancellationToken cancel)
    {
        if (await events.Send(cancel))
        {
            _writtenAt = time.GetTimestamp();
        }
    }
}
