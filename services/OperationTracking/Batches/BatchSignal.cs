namespace OpsPlatform.OperationTracking.Batches;

/// <summary>Wakes who rolls up batches.</summary>
internal sealed class BatchSignal
{
    private TaskCompletionSource _woken = New();

    /// <summary>Completes when it is woken after now: take it before looking.</summary>
    public Task Next => Volatile.Read(ref _woken).Task;

    public void Wake() => Interlocked.Exchange(ref _woken, New()).TrySetResult();

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
