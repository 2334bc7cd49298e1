using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Messaging;

namespace OpsPlatform.ServiceDefaults.Consistency;

/// <summary>Lets the relays of all replicas send what is captured by now; with SYNC_AUTO on they do so anyway.</summary>
internal static class SendChanges
{
    private const string Sql = """
        UPDATE relay_demand SET up_to = greatest(up_to, (SELECT coalesce(max(seq), 0) FROM sync_events WHERE sync_status = 'pending'))
        """;

    public static async Task<Accepted> Handle(ServiceDatabase database, RelaySignal signal, CancellationToken cancel)
    {
        await Demand(database, signal, cancel);
        return TypedResults.Accepted((string?)null);
    }

    public static async Task Demand(ServiceDatabase database, RelaySignal signal, CancellationToken cancel)
    {
        await using var demand = database.Relay.CreateCommand(Sql);
        await demand.ExecuteNonQueryAsync(cancel);
        signal.Wake();
    }
}
