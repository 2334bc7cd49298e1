namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>
/// Puts together what arrives while earlier work is under way: the busier it is, the larger the batches, and what comes alone never
/// waits. One batch at a time, in the order of arrival.
/// </summary>
/// <param name="most">Items a batch; what was given together is never divided.</param>
internal sealed class Gathering<T>(int most, Func<IReadOnlyList<T>, Task> work)
{
    private readonly Queue<Waiting> _waiting = [];
    private bool _isWorking;

    private sealed record Waiting(IReadOnlyList<T> Items)
    {
        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>Completes when the items are done; a batch that fails fails for all in it.</summary>
    public Task Do(IReadOnlyList<T> items)
    {
        var mine = new Waiting(items);
        lock (_waiting)
        {
            _waiting.Enqueue(mine);
            if (!_isWorking)
            {
                _isWorking = true;
                // The work is of all who give; it must not carry one caller's trace into the others'.
                using (ExecutionContext.SuppressFlow())
                {
                    _ = Task.Run(WorkOff);
                }
            }
        }

        return mine.Done.Task;
    }

    private async Task WorkOff()
    {
        while (Take() is { Count: > 0 } batch)
        {
            try
            {
                await work([.. batch.SelectMany(waiting => waiting.Items)]);
                batch.ForEach(waiting => waiting.Done.SetResult());
            }
            catch (Exception exception)
            {
                batch.ForEach(waiting => waiting.Done.SetException(exception));
            }
        }
    }

    private List<Waiting> Take()
    {
        List<Waiting> batch = [];
        lock (_waiting)
        {
            for (var items = 0; _waiting.TryPeek(out var next) && (batch.Count == 0 || items + next.Items.Count <= most); items += next.Items.Count)
            {
                batch.Add(_waiting.Dequeue());
            }

            _isWorking = batch.Count > 0;
        }

        return batch;
    }
}
