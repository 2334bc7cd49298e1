using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace OpsPlatform.ServiceDefaults.Messaging;

/// <summary>Tells the relays of this process and, as far as there are any, of the other replicas that something was committed.</summary>
public sealed class RelaySignal
{
    private const string Topic = "relay";
    private const string ShardsTopic = "shards";
    private readonly Replicas _replicas;
    private TaskCompletionSource _woken = New();
    private TaskCompletionSource _wokenHere = New();
    private int _shardsMoved;

    public RelaySignal(Replicas replicas)
    {
        _replicas = replicas;
        replicas.Hear(Topic, _ => Wake(ref _woken));
        replicas.Hear(ShardsTopic, _ => LookAtShares());
        // Its relay may have come for its share before it could tell anybody.
        replicas.Hear(Replicas.Here, _ => LookAtShares());
        AfterCommit = new WakeAfterCommit(this);
    }

    internal IInterceptor AfterCommit { get; }

    /// <summary>True while the commits of the other replicas are heard of here.</summary>
    internal bool HearsTheOthers => _replicas.IsListening;

    /// <summary>Call after a commit that EF did not make.</summary>
    public void Wake()
    {
        WakeHere();
        _replicas.Tell(Topic);
    }

    /// <summary>Completes at the next wake; take it before looking at the tables.</summary>
    internal Task Next => Volatile.Read(ref _woken).Task;

    /// <summary>As Next, but not for what another replica committed.</summary>
    internal Task NextHere => Volatile.Read(ref _wokenHere).Task;

    /// <summary>Tells the others' relays to look at their share again.</summary>
    internal void ShardsMoved() => _replicas.Tell(ShardsTopic);

    internal bool TakeShardsMoved() => Interlocked.Exchange(ref _shardsMoved, 0) == 1;

    internal void WakeHere()
    {
        Wake(ref _woken);
        Wake(ref _wokenHere);
    }

    private void LookAtShares()
    {
        Volatile.Write(ref _shardsMoved, 1);
        Wake(ref _woken);
    }

    private static void Wake(ref TaskCompletionSource woken) => Interlocked.Exchange(ref woken, New()).TrySetResult();

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
