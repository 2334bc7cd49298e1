using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace OpsPlatform.ServiceDefaults.Database;

/// <summary>
/// For what goes through all organisations one after the other: rows that somebody holds of one of them keep the others waiting no longer than this. Who
/// is refused by it comes back later to that one.
/// </summary>
public static class LockWait
{
    private const string Sql = "SELECT set_config('lock_timeout', '250ms', true)";

    /// <summary>Within the transaction at hand, which may be one batch; it has one result.</summary>
    public static NpgsqlBatchCommand Command() => new(Sql);

    /// <summary>Begins a transaction that waits no longer.</summary>
    public static async Task<IDbContextTransaction> BeginImpatient(this ServiceDb db, CancellationToken cancel)
    {
        var transaction = await db.Database.BeginTransactionAsync(cancel);
        try
        {
            await db.Database.ExecuteSqlRawAsync(Sql, cancel);
            return transaction;
        }
        catch
        {
            await transaction.DisposeAsync();
            throw;
        }
    }

    /// <returns>True when another has held for too long what was needed: nothing was done.</returns>
    public static bool IsOver(Exception exception) => Faults.SqlState(exception) == PostgresErrorCodes.LockNotAvailable;
}
