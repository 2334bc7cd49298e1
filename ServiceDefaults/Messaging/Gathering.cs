namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>
/// Puts together what arrives while earlier work is under way: the busier it is, the larger the batches, and what comes alone never
/// waits. One batch at a time, in the order of arrival.
/// </summary>
/// <param name="most">Items a batch; what was given together is never divided.</param>
/// <param name="rest">After a batch of several that was not full, so that more come together: for work that may be late, to cost less.</param>
internal sealed class Gathering<T>(int most, TimeSpan rest, Func<IReadOnlyList<T>, CancellationToken, Task> work)
{
    private readonly Queue<Waiting> _waiting = [];
    private bool _isWorking;

    private sealed record Waiting(IReadOnlyList<T> Items, CancellationToken Cancel)
    {
        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>Completes when the items are done; a batch that fails fails for all in it.</summary>
    public Task Do(IReadOnlyList<T> items, CancellationToken cancel)
    {
        var mine = new Waiting(items, cancel);
        lock (_waiting)
        {
            _waiting.Enqueue(mine);
            if (!_isWorking)
            {
                _isWorking = true;
                // The work is of all who give; it must not carry one caller's trace into the others'.
                using (ExecutionContext.SuppressFlow())
                {
                    _ = Task.Run(WorkOff, CancellationToken.None);
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
                await work([.. batch.SelectMany(waiting => waiting.Items)], batch[0].Cancel);
                batch.ForEach(waiting => waiting.Done.SetResult());
            }
            catch (Exception exception)
            {
                batch.ForEach(waiting => waiting.Done.SetException(exception));
            }

            var items = batch.Sum(waiting => waiting.Items.Count);
            if (rest > TimeSpan.Zero && items > 1 && items < most)
            {
                await Task.Delay(rest);
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
