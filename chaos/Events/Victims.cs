namespace OpsPlatform.Chaos.Events;

/// <summary>Who can be hurt, by the names the host gives its processes.</summary>
internal static class Victims
{
    public const string Broker = "messaging";
    public const string Database = "postgres";

    /// <summary>Every process that is connected to the broker.</summary>
    public const string Everybody = "everybody";

    public static readonly IReadOnlyList<string> Replicas = ["inventory-0", "inventory-1", "sync-0", "sync-1"];
    public static readonly IReadOnlyList<string> Singles = ["identity", "registry", "orders", "operations", "analytics"];
    public static readonly IReadOnlyList<string> Gateways = ["gateway-0", "gateway-1"];
    public static readonly IReadOnlyList<string> Servers = [Broker, Database];
    public static readonly IReadOnlyList<string> Processes = [.. Singles, .. Replicas, .. Gateways, .. Servers];

    public static IReadOnlyList<string> Of(Injury injury) => injury switch
    {
        Injury.Kill => Processes,
        Injury.Pause => ["orders", "operations", "inventory-0", "inventory-1", "sync-0", "sync-1", "identity", "registry", .. Gateways, Broker],
        Injury.Restart => Servers,
        Injury.CutDatabase => ["orders", "inventory", "operations", "sync", "analytics", "identity"],
        Injury.PauseSession => ["orders", "inventory", "operations", "sync", "analytics"],
        Injury.CutBroker => [Everybody, "orders", "operations", "inventory-0", "inventory-1", "sync-0", "sync-1", "analytics"],
        Injury.SlowConsumer => ["analytics", "sync-0", "sync-1"],
        Injury.FullQueue => ["sync.changes", "inventory.OrderConfirmationRequested", "orders.StockConsumed", "analytics.OrderConfirmed", "operations.OperationEnded"],
        _ => throw new ArgumentOutOfRangeException(nameof(injury)),
    };
}
