using Microsoft.EntityFrameworkCore;
using Npgsql;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.Sync;

/// <summary>The feed's database. The feed is partitioned and written by SQL functions, so nothing of it is mapped.</summary>
internal sealed class SyncDb(DbContextOptions<SyncDb> options) : ServiceDb(options)
{
    /// <summary>Runs a read as the calling organisation and gives the connection back at once: a stream lives for minutes, the pool is small.</summary>
    public async Task<T> Read<T>(Func<NpgsqlConnection, Task<T>> read, CancellationToken cancel)
    {
        await Database.OpenConnectionAsync(cancel);
        try
        {
            return await read((NpgsqlConnection)Database.GetDbConnection());
        }
        finally
        {
            await Database.CloseConnectionAsync();
        }
    }
}
