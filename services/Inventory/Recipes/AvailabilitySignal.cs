using System.Collections.Concurrent;
using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Inventory.Recipes;

/// <summary>The organisations in which something was committed that may have changed what can be made.</summary>
internal sealed class AvailabilitySignal : IDisposable
{
    private readonly ConcurrentDictionary<Guid, bool> _due = new();
    private readonly SemaphoreSlim _raised = new(0, 1);

    public void Raise(Guid org)
    {
        if (_due.TryAdd(org, true) && _raised.CurrentCount == 0)
        {
            try
            {
                _raised.Release();
            }
            catch (SemaphoreFullException)
            {
                // Another raise came between: the worker is woken already.
            }
        }
    }

    /// <returns>False when nothing was raised in time.</returns>
    public Task<bool> Wait(TimeSpan timeout, CancellationToken cancel) => _raised.WaitAsync(timeout, cancel);

    public IReadOnlyList<Guid> Take() => [.. _due.Keys.Where(org => _due.TryRemove(org, out _))];

    public void Dispose() => _raised.Dispose();
}

/// <summary>Raises the signal after the commit, when the worker can see what changed.</summary>
internal sealed class RaiseAvailabilityAfterCommit(AvailabilitySignal signal, Caller caller) : DbTransactionInterceptor
{
    public override Task TransactionCommittedAsync(DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        if (eventData.Context is InventoryDb { MayFlipAvailability: true })
        {
            signal.Raise(caller.Org);
        }

        return Task.CompletedTask;
    }
}
