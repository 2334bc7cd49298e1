using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.Orders.Orders;

/// <summary>That an order was confirmed, as committed.</summary>
internal sealed record Confirmation(DateTimeOffset At, int Attempts, long RowVersion);

/// <summary>
/// Lets requests wait for Inventory's decision about an order, holding no database connection meanwhile. A decision consumed
/// by this process or told by another replica wakes them at once; a poll finds what was not told. A confirmation consumed here is
/// handed over whole, so that nobody has to read it.
/// </summary>
internal sealed class DecisionWait
{
    private const string Topic = "decided";
    private static readonly TimeSpan PollWhenTold = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan PollWhenAlone = TimeSpan.FromMilliseconds(250);
    private readonly TimeProvider _time;
    private readonly IHostApplicationLifetime _lifetime;
    private readonly Replicas _replicas;
    private readonly Lock _gate = new();
    private readonly Dictionary<(Guid Org, Guid Order), List<Watch>> _watches = [];

    public DecisionWait(TimeProvider time, IHostApplicationLifetime lifetime, Replicas replicas)
    {
        _time = time;
        _lifetime = lifetime;
        _replicas = replicas;
        replicas.Hear(Topic, text =>
        {
            if (text.Split('/') is [var org, var order] && Guid.TryParse(org, out var orgId) && Guid.TryParse(order, out var orderId))
            {
                Wake((orgId, orderId), null);
            }
        });
    }

    /// <summary>Watch before the order is stored: a decision made right after it is then never missed.</summary>
    public Watch Start(Guid org, Guid order)
    {
        var watch = new Watch(this, (org, order));
        lock (_gate)
        {
            if (!_watches.TryGetValue(watch.Of, out var sameOrder))
            {
                _watches[watch.Of] = sameOrder = [];
            }

            sameOrder.Add(watch);
        }

        return watch;
    }

    /// <summary>Call it after the commit of the decision.</summary>
    /// <param name="confirmation">Null for a decision that who waits is to read.</param>
    public void Decided(Guid org, Guid order, Confirmation? confirmation)
    {
        Wake((org, order), confirmation);
        _replicas.Tell(Topic, $"{org:N}/{order:N}");
    }

    private void Wake((Guid Org, Guid Order) of, Confirmation? confirmation)
    {
        lock (_gate)
        {
            foreach (var watch in _watches.GetValueOrDefault(of) ?? [])
            {
                watch.Woken.TrySetResult(confirmation);
            }
        }
    }

    private void Stop(Watch watch)
    {
        lock (_gate)
        {
            var sameOrder = _watches[watch.Of];
            sameOrder.Remove(watch);
            if (sameOrder.Count == 0)
            {
                _watches.Remove(watch.Of);
            }
        }
    }

    /// <summary>One request's interest in one order.</summary>
    public sealed class Watch(DecisionWait owner, (Guid Org, Guid Order) of) : IDisposable
    {
        public (Guid Org, Guid Order) Of => of;

        public TaskCompletionSource<Confirmation?> Woken { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

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
                if (Woken.Task is { IsCompletedSuccessfully: true, Result: { } confirmation })
                {
                    order.Confirmed(confirmation);
                    break;
                }

                order = await db.Orders.AsNoTracking().Include(x => x.Lines).FirstAsync(x => x.Id == of.Order, cancel);
            }

            return order;
        }
    }

    private CancellationToken Stopping => _lifetime.ApplicationStopping;

    private long Now => _time.GetTimestamp();

    private TimeSpan Since(long started) => _time.GetElapsedTime(started);

    private async Task Pause(Watch watch, TimeSpan left, CancellationToken cancel)
    {
        var interval = _replicas.IsListening ? PollWhenTold : PollWhenAlone;
        var poll = Task.Delay(left < interval ? left : interval, _time, cancel);
        // Woken once it stays so, and only the poll is left to wait for.
        await (watch.Woken.Task.IsCompleted ? Task.WhenAny(poll) : Task.WhenAny(poll, watch.Woken.Task));
    }
}

/// <summary>Wakes the requests that wait for what this scope decided, once that is committed.</summary>
internal sealed class WakeAfterCommit(DecisionWait decisions) : DbTransactionInterceptor
{
    private readonly List<(Guid Org, Guid Order, Confirmation? Confirmation)> _decided = [];

    /// <param name="confirmation">Null for a decision that who waits is to read.</param>
    public void Decided(Guid org, Guid order, Confirmation? confirmation = null) => _decided.Add((org, order, confirmation));

    public override Task TransactionCommittedAsync(
        DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        _decided.ForEach(decision => decisions.Decided(decision.Org, decision.Order, decision.Confirmation));
        _decided.Clear();
        return Task.CompletedTask;
    }
}
