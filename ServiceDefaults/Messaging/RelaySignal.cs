using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>Tells this process's relays that something was committed. Changes made elsewhere are found by their poll.</summary>
public sealed class RelaySignal
{
    private TaskCompletionSource _woken = New();

    public RelaySignal() => AfterCommit = new WakeAfterCommit(this);

    internal IInterceptor AfterCommit { get; }

    /// <summary>Call after a commit that EF did not make.</summary>
    public void Wake() => Interlocked.Exchange(ref _woken, New()).TrySetResult();

    /// <summary>Completes at the next wake; take it before looking at the tables.</summary>
    internal Task Next => Volatile.Read(ref _woken).Task;

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed class WakeAfterCommit(RelaySignal signal) : DbTransactionInterceptor
    {
        public override void TransactionCommitted(DbTransaction transaction, TransactionEndEventData eventData) => signal.Wake();

        public override Task TransactionCommittedAsync(DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
        {
            signal.Wake();
            return Task.CompletedTask;
        }
    }
}
