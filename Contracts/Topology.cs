namespace OpsPlatform.Contracts;

/// <summary>Who hears what. Every service declares all of it before it sends, so that nothing is lost before a listener's first start.</summary>
public static class Topology
{
    /// <summary>Captured changes of a service are sent in this many shards, by one replica each; all changes of an entity are in the same one.</summary>
    public const int Shards = 8;

    /// <summary>A batch of changes is a message on each queue in use, and a message costs more than what is in it.</summary>
    private const int ChangeQueuesInUse = 2;

    /// <summary>Services that do long-running work.</summary>
    private static readonly string[] Workers = ["inventory", "orders", "operations", "analytics", "sync"];

    public static readonly IReadOnlyList<Subscription> Subscriptions =
    [
        Subscription.Of<OrderConfirmationRequested>("inventory"),
        Subscription.Of<OrderCancelled>("inventory"),
        Subscription.Of<StockConsumed>("orders"),
        Subscription.Of<StockRefused>("orders"),
        Subscription.Of<StockRestored>("orders"),
        Subscription.Of<RecipeAvailabilityChanged>("orders"),
        Subscription.Of<OrderConfirmed>("analytics"),
        Subscription.Of<OrderRejected>("analytics"),
        Subscription.Of<OrderCancelled>("analytics"),
        Subscription.Of<StockConsumed>("analytics"),
        Subscription.Of<StockRestored>("analytics"),
        Subscription.Of<OrganisationChanged>("analytics"),
        Subscription.Of<OperationStarted>("operations"),
        Subscription.Of<OperationReported>("operations"),
        Subscription.Of<OperationEnded>("operations"),
        Subscription.Of<OperationReplanned>("operations"),
        .. Workers.SelectMany(service => (Subscription[])
        [
            Subscription.Of<OperationCancelled>(service), Subscription.Of<OperationApproved>(service),
            Subscription.Of<OperationDenied>(service), Subscription.Of<OperationRetried>(service),
        ]),
    ];

    /// <summary>Messages of which only the latest about each thing counts: a queue nobody takes from drops the oldest.</summary>
    public static readonly IReadOnlySet<Type> LatestOnly = new HashSet<Type> { typeof(OperationReported) };

    /// <summary>All that changes may travel on: each is heard, in order, by a single Sync instance at a time.</summary>
    public static readonly IReadOnlyList<string> ChangeQueues = [.. Enumerable.Range(0, Shards).Select(queue => $"sync.changes.{queue}")];

    /// <summary>The one of a shard of all services' changes.</summary>
    public static string ChangeQueue(int shard) => ChangeQueues[shard % ChangeQueuesInUse];
}

/// <summary>A service's queue for one type of message.</summary>
public sealed record Subscription(Type Message, string Service)
{
    public string Queue => $"{Service}.{Message.Name}";

    public static Subscription Of<T>(string service)
        where T : class => new(typeof(T), service);
}
