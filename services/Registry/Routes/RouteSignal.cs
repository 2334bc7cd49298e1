namespace OpsPlatform.Registry.Routes;

/// <summary>Tells the gateways that wait at this replica that the list may have changed. Changes made at another replica are found by a poll.</summary>
internal sealed class RouteSignal
{
    private TaskCompletionSource _changed = New();

    /// <summary>Completes at the next change; take it before looking at the list.</summary>
    public Task Next => Volatile.Read(ref _changed).Task;

    /// <summary>Call after the commit.</summary>
    public void Changed() => Interlocked.Exchange(ref _changed, New()).TrySetResult();

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
