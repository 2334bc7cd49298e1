namespace OpsPlatform.OperationTracking.Approvals;

/// <summary>Wakes who looks after approvals.</summary>
internal sealed class ApprovalSignal
{
    private TaskCompletionSource _woken = New();

    /// <summary>Completes when it is woken after now: take it before looking.</summary>
    public Task Next => Volatile.Read(ref _woken).Task;

    public void Wake() => Interlocked.Exchange(ref _woken, New()).TrySetResult();

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
