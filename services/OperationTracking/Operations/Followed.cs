namespace OpsPlatform.OperationTracking.Operations;

/// <summary>
/// One operation as a request follows it. While only reports come, what they say is laid over the row as it was read; it is read again when
/// it was changed here or elsewhere, and by a poll for what was not told.
/// </summary>
/// <param name="changes">Of the row, as the watch counted them before it was read.</param>
internal sealed class Followed(Operation row, long changes, OperationWatch.Watch watch, OperationReader reader, TimeProvider time)
{
    private static readonly TimeSpan ShortestWait = TimeSpan.FromMilliseconds(1);
    private Operation _row = row;
    private long _read = changes;
    private long _readAt;
    private Task _woken = Task.CompletedTask;

    /// <summary>It may have changed since the last read.</summary>
    public bool IsDue => _woken.IsCompleted || DueIn <= TimeSpan.Zero;

    private TimeSpan DueIn => watch.Poll - time.GetElapsedTime(_readAt);

    /// <returns>Null when it was forgotten.</returns>
    public async Task<OperationView?> Read(CancellationToken cancel)
    {
        var isTold = _woken.IsCompleted;
        _woken = watch.Next;
        _readAt = time.GetTimestamp();
        var changes = watch.RowChanges;
        if (changes != _read || !isTold)
        {
            if (await reader.Row(_row.Id, cancel) is not { } row)
            {
                return null;
            }

            (_row, _read) = (row, changes);
        }

        return reader.View(_row);
    }

    /// <summary>Until it may have changed since the last read, for so long or until it is cancelled; never throws.</summary>
    public Task Wait(TimeSpan atMost, CancellationToken cancel) => WaitForAny([this], atMost, time, cancel);

    /// <summary>Until one of them may have changed, likewise.</summary>
    public static async Task WaitForAny(IReadOnlyCollection<Followed> operations, TimeSpan atMost, TimeProvider time, CancellationToken cancel)
    {
        var left = operations.Select(operation => operation.DueIn).Append(atMost).Min();
        if (left <= TimeSpan.Zero)
        {
            return;
        }

        // Timers leave out the part of a millisecond, and would be early.
        left += ShortestWait;
        if (operations.Count == 1)
        {
            await operations.First()._woken.WaitAsync(left, time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return;
        }

        // The delay is one of them: only when one completes does this leave the others' lists.
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        await Task.WhenAny([.. operations.Select(operation => operation._woken), Task.Delay(left, time, over.Token)]);
        over.Cancel();
    }
}
