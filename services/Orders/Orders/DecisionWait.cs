using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace OpsPlatform.Orders.Orders;

/// <summary>
/// Lets requests wait for Inventory's decision about an order, holding no database connection meanwhile. A decision consumed
/// by this process wakes them at once; one consumed by another replica is found by a poll.
/// </summary>
internal sealed class DecisionWait(TimeProvider time, IHostApplicationLifetime lifetime)
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(250);
    private readonly Lock _gate = new();
    private readonly Dictionary<(Guid Org, Guid Order), List<Watch>> _watches = [];

    /// <summary>Watch before the order is stored: a decision made right after it is then never missed.</summary>
    public Watch Start(Guid org, Guid order)
    {
        var watch = new Watch(this, (org, order));
        lock (_gate)
        {
            if (!_watches.TryGetValue(watch.Key, out var sameOrder))
            {
                _watches[watch.Key] = sameOrder = [];
            }

            sameOrder.Add(watch);
        }

        return watch;
    }

    public void Wake(Guid org, Guid order)
    {
        lock (_gate)
        {
            foreach (var watch in _watches.GetValueOrDefault((org, order)) ?? [])
            {
                watch.Woken.TrySetResult();
            }
        }
    }

    private void Stop(Watch watch)
    {
        lock (_gate)
        {
            var sameOrder = _watches[watch.Key];
            sameOrder.Remove(watch);
            if (sameOrder.Count == 0)
            {
                _watches.Remove(watch.Key);
            }
        }
    }

    /// <summary>One request's interest in one order.</summary>
    public sealed class Watch(DecisionWait owner, (Guid Org, Guid Order) key) : IDisposable
    {
        public (Guid Org, Guid Order) Key => key;

        public TaskCompletionSource Woken { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Dispose() => owner.Stop(this);

        /// <returns>The order as it stands when Inventory has decided or the time is up, whichever comes first.</returns>
        public async Task<Order> Decided(OrdersDb db, Order order, TimeSpan wait, CancellationToken cancel)
        {
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancel, owner.Stopping);
            var started = owner.Now;
            while (order.Status == OrderStatus.Confirming && !owner.Stopping.IsCancellationRequested)
            {
                var left = wait - owner.Since(started);
                if (left <= TimeSpan.Zero)
                {
                    break;
                }

                await owner.Pause(this, left, ending.Token);
                cancel.ThrowIfCancellationRequested();
                order = await db.Orders.AsNoTracking().Include(x => x.Lines).FirstAsync(x => x.Id == key.Order, cancel);
            }

            return order;
        }
    }

    private CancellationToken Stopping => lifetime.ApplicationStopping;

    private long Now => time.GetTimestamp();

    private TimeSpan Since(long started) => time.GetElapsedTime(started);

    private async Task Pause(Watch watch, TimeSpan left, CancellationToken cancel)
    {
        var poll = Task.Delay(left < PollInterval ? left : PollInterval, time, cancel);
        // Woken once it stays so, and only the poll is left to wait for.
        await (watch.Woken.Task.IsCompleted ? Task.WhenAny(poll) : Task.WhenAny(poll, watch.Woken.Task));
    }
}

/// <summary>Wakes the requests that wait for what this scope decided, once that is committed.</summary>
internal sealed class WakeAfterCommit(DecisionWait decisions) : DbTransactionInterceptor
{
    private readonly List<(Guid Org, Guid Order)> _decided = [];

    public void Decided(Guid org, Guid order) => _decided.Add((org, order));

    public override Task TransactionCommittedAsync(
        DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        foreach (var (org, order) in _decided)
        {
            decisions.Wake(org, order);
        }

        _decided.Clear();
        return Task.CompletedTask;
    }
}
