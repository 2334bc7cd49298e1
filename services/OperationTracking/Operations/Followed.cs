namespace OpsPlatform.OperationTracking.Operations;

/// <summary>
/// One operation as a request follows it. While only reports come, what they say is laid over the row as it was read; it is read again when
/// it was changed here or elsewhere, and by a poll for what was not told.
/// </summary>
internal sealed class Followed(Operation row, OperationWatch.Watch watch, OperationReader reader, TimeProvider time)
{
    private Operation _row = row;
    private long _read = -1;
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
        var woken = operations.Count == 1 ? operations.First()._woken : Task.WhenAny(operations.Select(operation => operation._woken));
        var left = operations.Select(operation => operation.DueIn).Append(atMost).Min();
        if (left > TimeSpan.Zero)
        {
            await woken.WaitAsync(left, time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
