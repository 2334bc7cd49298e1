using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace OpsPlatform.ServiceDefaults.Database;

/// <summary>
/// One transaction around a whole request. What a handler begins on the same context meanwhile becomes a part of it: committed
/// parts stay pending until the whole commits, a part that is left uncommitted is undone at once, as if it were by itself.
/// </summary>
internal sealed class RequestTransaction : IAsyncDisposable
{
    private readonly ServiceDb _db;
    private readonly IDbContextTransaction _transaction;
    private bool _isOver;

    private RequestTransaction(ServiceDb db, IDbContextTransaction transaction)
    {
        _db = db;
        _transaction = transaction;
    }

    public NpgsqlConnection Connection => (NpgsqlConnection)_db.Database.GetDbConnection();

    public static async Task<RequestTransaction> Begin(ServiceDb db, CancellationToken cancel)
    {
        var whole = new RequestTransaction(db, await db.Database.BeginTransactionAsync(cancel));
        db.Whole = whole;
        return whole;
    }

    /// <summary>Runs the commands and commits, in one round trip; what waits for commits is told afterwards.</summary>
    public async Task Commit(params NpgsqlBatchCommand[] last)
    {
        await LastCommands.Commit(_db, _transaction, last);
        await DisposeAsync();
    }

    /// <summary>Rolls back unless it was committed; gives the connection back.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_isOver)
        {
            _isOver = true;
            _db.Whole = null;
            await _transaction.DisposeAsync();
        }
    }

    internal async Task<IDbContextTransaction> Join(CancellationToken cancel)
    {
        // Sent along with the next statement, so it costs no round trip.
        await _transaction.CreateSavepointAsync(Part.Savepoint, cancel);
        return new Part(_transaction);
    }

    /// <summary>What a handler holds for its own transaction.</summary>
    private sealed class Part(IDbContextTransaction whole) : IDbContextTransaction, IInfrastructure<DbTransaction>
    {
        public const string Savepoint = "part";
        private bool _isOver;

        public Guid TransactionId => whole.TransactionId;

        DbTransaction IInfrastructure<DbTransaction>.Instance => whole.GetDbTransaction();

        public void Commit() => _isOver = true;

        public Task CommitAsync(CancellationToken cancellationToken = default)
        {
            _isOver = true;
            return Task.CompletedTask;
        }

        public void Rollback() => throw new NotSupportedException("Roll back asynchronously.");

        public Task RollbackAsync(CancellationToken cancellationToken = default)
        {
            _isOver = true;
            return whole.RollbackToSavepointAsync(Savepoint, cancellationToken);
        }

        public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

        public async ValueTask DisposeAsync()
        {
            if (_isOver)
            {
                return;
            }

            try
            {
                await RollbackAsync();
            }
            catch (Exception lost) when (lost is DbException or InvalidOperationException)
            {
                // The connection is gone, and the whole with it: its commit will fail. What is thrown just now says why.
            }
        }
    }
}

/// <summary>Begins transactions as ever, or joins the request's own when there is one.</summary>
internal sealed class JoiningDatabase(ServiceDb db) : DatabaseFacade(db)
{
    public override IDbContextTransaction BeginTransaction() =>
        db.Whole is null ? base.BeginTransaction() : throw new NotSupportedException("Begin it asynchronously.");

    public override Task<IDbContextTransaction> BeginTransactionAsync(CancellationToken cancellationToken = default) =>
        db.Whole is { } whole ? whole.Join(cancellationToken) : base.BeginTransactionAsync(cancellationToken);
}
