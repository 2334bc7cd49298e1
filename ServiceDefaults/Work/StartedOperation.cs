namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>
/// Long-running work that the code at hand does itself, from <see cref="Operations.Start"/> until this is disposed of. Nobody can go on with it when the
/// process dies: it has then failed, within half a minute, and says so.
/// </summary>
public sealed class StartedOperation : IProgress<OperationProgress>, IAsyncDisposable
{
    private readonly Workers _workers;
    private readonly WorkRun _run;
    private readonly Attempt _attempt;
    private readonly CancellationTokenSource _done = new();
    private readonly Task _keeping;
    private Func<Task> _end;

    internal StartedOperation(Workers workers, WorkRun run, Attempt attempt)
    {
        (_workers, _run, _attempt) = (workers, run, attempt);
        _end = () => attempt.Operation.CancelledBy is { } user
            ? run.End(attempt, "cancelled", cancelledBy: user)
            : run.End(attempt, "failed", "It was given up before it was done.");
        _keeping = run.Keep(attempt, _done.Token);
    }

    public Guid Id => _attempt.Operation.Id;

    /// <summary>Cut when somebody cancels the operation, when it is no longer this process's, and when the starter's own token is.</summary>
    public CancellationToken Token => _attempt.Wanted;

    /// <summary>The user who asked for the cancel, or null.</summary>
    public string? CancelledBy => _attempt.Operation.CancelledBy;

    /// <inheritdoc cref="Operation.Step"/>
    public void Step(int number) => _attempt.Operation.Step(number);

    /// <inheritdoc cref="Operation.Did"/>
    public void Did(string what, long count, string? href = null) => _attempt.Operation.Did(what, count, href);

    /// <inheritdoc cref="Operation.Describe"/>
    public void Describe(object metadata) => _attempt.Operation.Describe(metadata);

    /// <inheritdoc cref="Operation.Report"/>
    public void Report(OperationProgress value) => _attempt.Operation.Report(value);

    /// <inheritdoc cref="Operation.WaitsFor"/>
    public IDisposable WaitsFor(OperationWait what, Guid? operation = null) => _attempt.Operation.WaitsFor(what, operation);

    /// <summary>It is done: told when this is disposed of. Without it, it has failed, or was cancelled when somebody asked for that.</summary>
    /// <param name="result">What came of it: an object that becomes JSON of at most 16 KiB, or null.</param>
    public void Complete(object? result = null)
    {
        var json = WorkRun.Json(_attempt.Operation.Claim.Started.OperationType, result);
        _end = () => _run.End(_attempt, "completed", result: json);
    }

    /// <summary>It cannot be done.</summary>
    /// <param name="error">Says to a person what to do about it.</param>
    public void Fail(string error) => _end = () => _run.End(_attempt, "failed", error);

    public async ValueTask DisposeAsync()
    {
        await _end();
        await _done.CancelAsync();
        await _keeping;
        _workers.Leave(_attempt);
        _attempt.Dispose();
        _done.Dispose();
    }
}
