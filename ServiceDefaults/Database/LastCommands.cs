using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace OpsPlatform.ServiceDefaults.Database;

public static class LastCommands
{
    /// <summary>
    /// Runs the commands and commits, in one round trip: what they lock is held for as long as the server takes, however busy this process is. Within a
    /// transaction around the whole request they run, and the request commits. What waits for commits is told afterwards.
    /// </summary>
    /// <param name="transaction">Begun on the context; it is over afterwards.</param>
    public static async Task CommitWith(this IDbContextTransaction transaction, ServiceDb db, IEnumerable<NpgsqlBatchCommand> last)
    {
        if (db.Whole is null)
        {
            await Commit(db, transaction, last);
            return;
        }

        await Run(db, last);
        await transaction.CommitAsync();
    }

    internal static async Task Commit(ServiceDb db, IDbContextTransaction transaction, IEnumerable<NpgsqlBatchCommand> last)
    {
        var since = DateTimeOffset.UtcNow;
        // In a transaction that has failed COMMIT would roll back and say nothing; a statement before it says so.
        await Run(db, [.. last, new("SELECT 1"), new("COMMIT")]);
        var log = db.GetService<IDiagnosticsLogger<DbLoggerCategory.Database.Transaction>>();
        await log.TransactionCommittedAsync(
            db.GetService<IRelationalConnection>(), transaction.GetDbTransaction(), transaction.TransactionId, since, DateTimeOffset.UtcNow - since);
        // What follows on the context is not a part of it.
        await transaction.DisposeAsync();
    }

    private static async Task Run(ServiceDb db, IEnumerable<NpgsqlBatchCommand> commands)
    {
        await using var batch = new NpgsqlBatch((NpgsqlConnection)db.Database.GetDbConnection());
        foreach (var command in commands)
        {
            batch.BatchCommands.Add(command);
        }

        if (batch.BatchCommands.Count > 0)
        {
            // The work is done: whoever stopped listening meanwhile must not undo it.
            await batch.ExecuteNonQueryAsync(CancellationToken.None);
        }
    }
}
