namespace OpsPlatform.Contracts;

/// <summary>Who hears what. Every service declares all of it before it sends, so that nothing is lost before a listener's first start.</summary>
public static class Topology
{
    /// <summary>Captured changes of a service travel on this many queues; all changes of an entity take the same one.</summary>
    public const int Shards = 8;

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

    /// <summary>The queue of one shard of all services' changes; its single active consumer is a Sync instance.</summary>
    public static string ChangeQueue(int shard) => $"sync.changes.{shard}";
}

/// <summary>A service's queue for one type of message.</summary>
public sealed record Subscription(Type Message, string Service)
{
    public string Queue => $"{Service}.{Message.Name}";

    public static Subscription Of<T>(string service)
        where T : class => new(typeof(T), service);
}
