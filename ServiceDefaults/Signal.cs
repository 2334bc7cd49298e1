namespace OpsPlatform.ServiceDefaults;

/// <summary>Wakes whoever in this process waits to look for something to do. One class of it per thing that is looked for.</summary>
public abstract class Signal
{
    private TaskCompletionSource _woken = New();

    /// <summary>Completes when it is woken after now: take it before looking.</summary>
    public Task Next => Volatile.Read(ref _woken).Task;

    public void Wake() => Interlocked.Exchange(ref _woken, New()).TrySetResult();

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
