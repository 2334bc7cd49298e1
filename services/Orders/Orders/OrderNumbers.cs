using Npgsql;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.Orders.Orders;

/// <summary>Where requests that are one transaction take their order's number: on a connection of a pool of their own, which commits by itself.</summary>
internal sealed class OrderNumbers(ServiceDatabase database) : IAsyncDisposable
{
    /// <summary>A number takes a fraction of a millisecond, and an organisation's take turns anyway.</summary>
    private const int MaxConnections = 3;

    private readonly NpgsqlDataSource _source = database.Apart(MaxConnections);

    public ValueTask<NpgsqlConnection> Open(CancellationToken cancel) => _source.OpenConnectionAsync(cancel);

    public ValueTask DisposeAsync() => _source.DisposeAsync();
}
