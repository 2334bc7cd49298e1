using OpsPlatform.OperationTracking.Operations;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.OperationTracking.Feed;

/// <summary>Reads each organisation's changes once in this process, however many follow them, and hands them to all who do.</summary>
internal sealed partial class FeedHub(OperationWatch watches, IServiceScopeFactory scopes, TimeProvider time, IHostApplicationLifetime lifetime, ILogger<FeedHub> log)
{
    /// <summary>What changes within it is told together.</summary>
    private static readonly TimeSpan Gap = TimeSpan.FromMilliseconds(200);

    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<Guid, Followed> _organisations = [];

    private sealed record Followed(List<FeedSubscription> Subscriptions, TaskCompletionSource HasBegun);

    /// <summary>Gives all that changes after this has returned; throws what the database does when it cannot be read.</summary>
    public async Task<FeedSubscription> Subscribe(Guid org, CancellationToken cancel)
    {
        var subscription = new FeedSubscription(leaving => Leave(org, leaving));
        Task hasBegun;
        lock (_gate)
        {
            if (!_organisations.TryGetValue(org, out var followed))
            {
                _organisations[org] = followed = new([], new(TaskCreationOptions.RunContinuationsAsynchronously));
                using (ExecutionContext.SuppressFlow())
                {
                    _ = Task.Run(() => Follow(org, followed, lifetime.ApplicationStopping), CancellationToken.None);
                }
            }

            followed.Subscriptions.Add(subscription);
            hasBegun = followed.HasBegun.Task;
        }

        try
        {
            await hasBegun.WaitAsync(cancel);
            return subscription;
        }
        catch
        {
            subscription.Dispose();
            throw;
        }
    }

    private void Leave(Guid org, FeedSubscription leaving)
    {
        lock (_gate)
        {
            // The last one's place stays until its reader sees that it is empty.
            _organisations.GetValueOrDefault(org)?.Subscriptions.Remove(leaving);
        }
    }

    private async Task Follow(Guid org, Followed followed, CancellationToken stopping)
    {
        using var changes = watches.Follow(org);
        long? position = null;
        while (!HaveAllLeft(org, followed) && !stopping.IsCancellationRequested)
        {
            try
            {
                var woken = changes.Next;
                position = await Read(org, followed, position, changes.Take(), stopping);
                followed.HasBegun.TrySetResult();
                await changes.Wait(woken, stopping);
                await Task.Delay(Gap, time, stopping);
            }
            catch (Exception fault) when (position is null)
            {
                // Whoever has come is told now; the next one begins anew.
                GiveUp(org, followed, fault);
                return;
            }
            catch (Exception fault) when (!stopping.IsCancellationRequested)
            {
                Later(fault.Message);
                await Task.Delay(RetryDelay, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <returns>The position up to which everything is given.</returns>
    private async Task<long> Read(Guid org, Followed followed, long? position, IReadOnlySet<Guid> progressed, CancellationToken cancel)
    {
        await using var scope = scopes.CreateAsyncScope();
        scope.ServiceProvider.GetRequiredService<Caller>().ActFor(org, "feed");
        var reader = scope.ServiceProvider.GetRequiredService<FeedReader>();
        if (position is not { } known)
        {
            return await reader.Head(cancel);
        }

        var batch = await reader.After(known, progressed, cancel);
        if (batch.Operations.Count > 0 || batch.IsOutOfReach)
        {
            lock (_gate)
            {
                followed.Subscriptions.ForEach(subscription => subscription.Give(batch));
            }
        }

        return batch.Position;
    }

    private void GiveUp(Guid org, Followed followed, Exception fault)
    {
        lock (_gate)
        {
            _organisations.Remove(org);
        }

        followed.HasBegun.SetException(fault);
    }

    private bool HaveAllLeft(Guid org, Followed followed)
    {
        lock (_gate)
        {
            return followed.Subscriptions.Count == 0 && _organisations.Remove(org);
        }
    }

    [LoggerMessage(LogLevel.Warning, "What operations do is told later: {Reason}")]
    private partial void Later(string reason);
}
