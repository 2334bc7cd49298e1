using System.Diagnostics;
using Npgsql;
using OpsPlatform.Bench.Frame;

namespace OpsPlatform.Bench.Benchmarks;

/// <summary>Orders read back from a run with their lines and their stock log, to be stored again by raw connections with no capture and no messages.</summary>
internal sealed class RawOrders
{
    private const int Connections = 8;
    private readonly Shadow _shadow;
    private readonly RawRows _orders;
    private readonly RawRows _lines;
    private readonly RawRows _log;
    private readonly ILookup<Guid, object[]> _linesOf;
    private readonly ILookup<Guid, object[]> _logOf;
    private int _next;

    private RawOrders(Shadow shadow, RawRows orders, RawRows lines, RawRows log)
    {
        _shadow = shadow;
        _orders = orders;
        _lines = lines;
        _log = log;
        _linesOf = lines.Rows.ToLookup(row => (Guid)row[lines.IndexOf("order_id")]);
        _logOf = log.Rows.ToLookup(row => (Guid)row[log.IndexOf("reference_id")]);
    }

    public int Count => _orders.Rows.Count;

    /// <summary>The three tables with their keys, checks and indexes side by side, so that one commit stores one order.</summary>
    public static async Task<Shadow> Tables(BenchSystem system, string name, CancellationToken cancel)
    {
        var shadow = await Shadow.Create(system, name, cancel);
        await shadow.Copy("orders", cancel);
        await shadow.Copy("inventory", cancel, "stock_log");
        await shadow.DropTriggers(cancel, "orders", "order_lines", "stock_log");
        return shadow;
    }

    /// <param name="which">The end of a query of orders, from its WHERE on.</param>
    public static async Task<RawOrders> Read(BenchSystem system, Shadow shadow, string which, CancellationToken cancel)
    {
        await using var ordersDb = system.Database("orders", 1);
        await using var inventoryDb = system.Database("inventory", 1);
        var orders = await RawRows.Read(ordersDb, "orders", which, null, cancel);
        var ids = string.Join(',', orders.Rows.Select(row => row[orders.IndexOf("id")]));
        var lines = await RawRows.Read(ordersDb, "order_lines", $"WHERE order_id = ANY('{{{ids}}}')", null, cancel);
        return new(shadow, orders, lines, await RawRows.Read(inventoryDb, "stock_log", $"WHERE reference_id = ANY('{{{ids}}}')", "seq", cancel));
    }

    /// <returns>Orders a second by 8 connections, a commit an order.</returns>
    public Task<double> Rate(TimeSpan duration, CancellationToken cancel) =>
        OnEach(async connections =>
        {
            var started = Stopwatch.GetTimestamp();
            var stored = await Load.Closed(Connections, duration, connection => Store(connections[connection], Next(), cancel), cancel);
            return stored / Stopwatch.GetElapsedTime(started).TotalSeconds;
        }, cancel);

    /// <summary>Each once, by 8 connections, a commit an order.</summary>
    public Task<TimeSpan> All(CancellationToken cancel) =>
        OnEach(async connections =>
        {
            var started = Stopwatch.GetTimestamp();
            var taken = 0;
            await Task.WhenAll(connections.Select(connection => Task.Run(
                async () =>
                {
                    while (Interlocked.Increment(ref taken) <= Count)
                    {
                        await Store(connection, Next(), cancel);
                    }
                },
                cancel)));
            return Stopwatch.GetElapsedTime(started);
        }, cancel);

    /// <summary>What an order's way must commit, one at a time: the order with its lines, the decision in the stock log, the order's new state.</summary>
    public Task<(Samples Place, Samples Decide, Samples Confirm)> Steps(TimeSpan duration, CancellationToken cancel) =>
        OnEach(async connections =>
        {
            var steps = (Place: new Samples(), Decide: new Samples(), Confirm: new Samples());
            await Load.Closed(1, duration, async _ =>
            {
                var row = Next();
                var (before, id) = ((Guid)row[_orders.IndexOf("id")], Guid.CreateVersion7());
                await Commit(connections[0], steps.Place, [_orders.Insert([row], Renamed(before, id)), _lines.Insert([.. _linesOf[before]], Renamed(before, id))], cancel);
                await Commit(connections[0], steps.Decide, [_log.Insert([.. _logOf[before]], Renamed(before, id))], cancel);
                await Commit(connections[0], steps.Confirm, [new("UPDATE orders SET updated_at = now() WHERE id = $1") { Parameters = { new() { Value = id } } }], cancel);
            }, cancel);
            return steps;
        }, cancel);

    private static Func<string, object, object> Renamed(Guid before, Guid id) => (column, value) => column switch
    {
        "id" or "order_id" or "reference_id" when value.Equals(before) => id,
        "id" => Guid.CreateVersion7(),
        _ => value,
    };

    private static async Task Commit(NpgsqlConnection connection, Samples samples, NpgsqlBatchCommand[] commands, CancellationToken cancel)
    {
        await using var batch = new NpgsqlBatch(connection);
        foreach (var command in commands)
        {
            batch.BatchCommands.Add(command);
        }

        var sent = Stopwatch.GetTimestamp();
        await batch.ExecuteNonQueryAsync(cancel);
        samples.Add(sent);
    }

    private object[] Next() => _orders.Rows[(int)((uint)Interlocked.Increment(ref _next) % Count)];

    private async Task Store(NpgsqlConnection connection, object[] row, CancellationToken cancel)
    {
        var (before, id) = ((Guid)row[_orders.IndexOf("id")], Guid.CreateVersion7());
        await using var batch = new NpgsqlBatch(connection) { BatchCommands = { _orders.Insert([row], Renamed(before, id)) } };
        foreach (var (rows, table) in new[] { (_linesOf[before], _lines), (_logOf[before], _log) })
        {
            // An order of services has no stock log.
            if (rows.Any())
            {
                batch.BatchCommands.Add(table.Insert([.. rows], Renamed(before, id)));
            }
        }

        await batch.ExecuteNonQueryAsync(cancel);
    }

    private async Task<T> OnEach<T>(Func<NpgsqlConnection[], Task<T>> work, CancellationToken cancel)
    {
        await using var target = _shadow.Database(Connections);
        var connections = new NpgsqlConnection[Connections];
        for (var i = 0; i < Connections; i++)
        {
            connections[i] = await target.OpenConnectionAsync(cancel);
        }

        try
        {
            return await work(connections);
        }
        finally
        {
            foreach (var connection in connections)
            {
                await connection.DisposeAsync();
            }
        }
    }
}
