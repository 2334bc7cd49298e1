using System.Diagnostics;
using Npgsql;

namespace OpsPlatform.Bench.Frame;

/// <summary>
/// Changes ingredients as Inventory's own role would, one row in one transaction, and wakes the relays as a replica of Inventory
/// does: by a notice outside the transaction, at most one in two milliseconds.
/// </summary>
internal sealed class ChangeWriter : IAsyncDisposable
{
    private static readonly TimeSpan Coalesce = TimeSpan.FromMilliseconds(2);
    private readonly NpgsqlDataSource _database;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _committed = new(0, 1);
    private readonly Task _waking;

    public ChangeWriter(BenchSystem system)
    {
        _database = system.Database("inventory", 24, "inventory_app");
        _waking = Task.Run(() => Wake(system));
    }

    /// <summary>How long the COMMIT alone took.</summary>
    public Samples Commits { get; private set; } = new();

    public void ForgetCommits() => Commits = new();

    /// <summary>Ingredients written by SQL, as many as asked for; they are on the feed like any other.</summary>
    public async Task<Guid[]> Ingredients(Guid org, int count, CancellationToken cancel)
    {
        await using var connection = await _database.OpenConnectionAsync(cancel);
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                Caller(org),
                new($"""
                    INSERT INTO ingredients (id, code, name, category, kind, unit, stock, reorder_point, usage_rate, unit_cost_minor)
                    SELECT gen_random_uuid(), gen_random_uuid(), 'bench', 'bench', 'ingredient', 'g', 1000, 0, 0, 1 FROM generate_series(1, $1) RETURNING id
                    """) { Parameters = { new() { Value = count } } },
            },
        };
        await using var reader = await batch.ExecuteReaderAsync(cancel);
        await reader.NextResultAsync(cancel);
        List<Guid> ids = [];
        while (await reader.ReadAsync(cancel))
        {
            ids.Add(reader.GetGuid(0));
        }

        await reader.CloseAsync();
        _ = TryWake();
        return [.. ids];
    }

    /// <summary>One change of one row; t0 is just before the COMMIT leaves.</summary>
    public async Task Change(Guid org, Guid ingredient, Marks marks, CancellationToken cancel)
    {
        await using var connection = await _database.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var mark = marks.Next();
        await using (var batch = new NpgsqlBatch(connection, transaction)
        {
            BatchCommands =
            {
                Caller(org),
                new("UPDATE ingredients SET name = $2 WHERE id = $1") { Parameters = { new() { Value = ingredient }, new() { Value = marks.Text(mark) } } },
            },
        })
        {
            await batch.ExecuteNonQueryAsync(cancel);
        }

        var committing = Stopwatch.GetTimestamp();
        marks.Commits(mark);
        await transaction.CommitAsync(cancel);
        Commits.Add(committing);
        TryWake();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _waking;
        await _database.DisposeAsync();
        _committed.Dispose();
        _stop.Dispose();
    }

    /// <summary>Who is awake already need not be told twice.</summary>
    public bool TryWake()
    {
        try
        {
            return _committed.CurrentCount == 0 && _committed.Release() == 0;
        }
        catch (SemaphoreFullException)
        {
            return false;
        }
    }

    private static NpgsqlBatchCommand Caller(Guid org) =>
        new("SELECT set_config('app.org_id', $1, true)") { Parameters = { new() { Value = org.ToString() } } };

    private async Task Wake(BenchSystem system)
    {
        await using var database = system.Database("inventory", 1);
        try
        {
            await using var connection = await database.OpenConnectionAsync(_stop.Token);
            await using (var relax = new NpgsqlCommand("SET synchronous_commit = off", connection))
            {
                await relax.ExecuteNonQueryAsync(_stop.Token);
            }

            await using var notify = new NpgsqlCommand("SELECT pg_notify('replicas', E'bench\\nrelay')", connection);
            while (true)
            {
                await _committed.WaitAsync(_stop.Token);
                await notify.ExecuteNonQueryAsync(_stop.Token);
                await Task.Delay(Coalesce, _stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // Nothing more is written.
        }
    }
}
