using Npgsql;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.Orders.Orders;

/// <summary>Order numbers for requests that are one transaction: each is taken and committed on a connection of its own pool.</summary>
internal sealed class OrderNumbers(ServiceDatabase database) : IAsyncDisposable
{
    /// <summary>A number takes a fraction of a millisecond, and an organisation's take turns anyway.</summary>
    private const int MaxConnections = 3;

    private readonly NpgsqlDataSource _source = database.Apart(MaxConnections);

    public async Task<long> Next(Guid org, CancellationToken cancel)
    {
        await using var connection = await _source.OpenConnectionAsync(cancel);
        // One batch is one transaction, so the setting ends with it.
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new("SELECT set_config('app.org_id', $1, true)") { Parameters = { new() { Value = org.ToString() } } },
                new("SELECT next_order_number()"),
            },
        };
        await using var reader = await batch.ExecuteReaderAsync(cancel);
        await reader.NextResultAsync(cancel);
        await reader.ReadAsync(cancel);
        return reader.GetInt64(0);
    }

    public ValueTask DisposeAsync() => _source.DisposeAsync();
}
