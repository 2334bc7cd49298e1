namespace OpsPlatform.OperationTracking.Operations;

/// <summary>
/// One operation as a request follows it. While only reports come, what they say is laid over the row as it was read; it is read again when
/// it was changed here or elsewhere, and by a poll for what was not told.
/// </summary>
internal sealed class Followed(Operation row, OperationWatch.Watch watch, OperationReader reader)
{
    private Operation _row = row;
    private long _read = -1;
    private Task _woken = Task.CompletedTask;
    private bool _isTold = true;

    /// <returns>Null when it was forgotten.</returns>
    public async Task<OperationView?> Read(CancellationToken cancel)
    {
        _woken = watch.Next;
        var changes = watch.RowChanges;
        if (changes != _read || !_isTold)
        {
            if (await reader.Row(_row.Id, cancel) is not { } row)
            {
                return null;
            }

            (_row, _read) = (row, changes);
        }

        return reader.View(_row);
    }

    /// <summary>Until something may have changed since the last read, or for so long.</summary>
    public async Task Wait(TimeSpan atMost, CancellationToken cancel)
    {
        await watch.Wait(_woken, atMost, cancel);
        _isTold = _woken.IsCompleted;
    }
}
