using Npgsql;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Orders.Orders;

/// <summary>
/// The organisation's own order numbers. They are taken on connections of a pool of their own, which commit by themselves, so that one
/// replica's orders do not wait for the end of another's; what fails after that leaves a gap.
/// </summary>
internal sealed class OrderNumbers(ServiceDatabase database) : IAsyncDisposable
{
    /// <summary>Taking takes a fraction of a millisecond, and an organisation's take turns anyway.</summary>
    private const int MaxConnections = 3;

    private const int MaxWaitSeconds = 10;

    private const string TakeSql = """
        INSERT INTO order_numbers AS n (org_id, last) VALUES (current_org(), $1)
        ON CONFLICT (org_id) DO UPDATE SET last = n.last + $1
        RETURNING last
        """;

    private readonly NpgsqlDataSource _source = database.Apart(MaxConnections);

    /// <returns>The first of as many numbers in a row.</returns>
    public async Task<long> Take(Guid org, int count)
    {
        await using var batch = _source.CreateBatch();
        batch.BatchCommands.Add(Tenant.ForTransaction(org));
        // The commit of the orders that use the numbers comes later in the log and takes this one along.
        batch.BatchCommands.Add(new($"SELECT set_config('synchronous_commit', 'off', true), set_config('lock_timeout', '{MaxWaitSeconds}s', true)"));
        batch.BatchCommands.Add(new(TakeSql) { Parameters = { new() { Value = (long)count } } });
        await using var row = await batch.ExecuteReaderAsync();
        await row.NextResultAsync();
        await row.NextResultAsync();
        await row.ReadAsync();
        return row.GetInt64(0) - count + 1;
    }

    public ValueTask DisposeAsync() => _source.DisposeAsync();
}
