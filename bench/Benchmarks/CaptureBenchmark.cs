using System.Diagnostics;
using Npgsql;
using OpsPlatform.Bench.Frame;

namespace OpsPlatform.Bench.Benchmarks;

internal sealed class CaptureBenchmark : IBenchmark
{
    private const int Clients = 8;
    private const int BulkRows = 100_000;
    private const int QuickBulkRows = 10_000;
    private const int Turns = 4;

    private const string Columns = "id, code, name, category, kind, unit, stock, reorder_point, usage_rate, unit_cost_minor";

    private static string Insert(string table) =>
        $"INSERT INTO {table} ({Columns}) VALUES ($1, $2, 'bench', 'bench', 'ingredient', 'g', 1000, 0, 0, 1)";

    public string Name => "capture";

    public string About => "Inventory's ingredients with their capture triggers against the same table without them, in a copy of its database that nobody relays";

    public async Task Run(Session session)
    {
        await using var system = await session.Boot();
        var shadow = await Shadow.Create(system, "bench_capture", session.Cancel);
        await shadow.Copy("inventory", session.Cancel);
        await using (var owner = shadow.Database(1))
        {
            await Shadow.Execute(owner, "CREATE TABLE plain (LIKE ingredients INCLUDING ALL); SELECT ops_tenant_table('plain')", session.Cancel);
        }

        await using var database = shadow.Database(Clients, "inventory_app");
        var connections = new NpgsqlConnection[Clients];
        var org = Guid.NewGuid();
        for (var i = 0; i < Clients; i++)
        {
            connections[i] = await database.OpenConnectionAsync(session.Cancel);
            await using var caller = new NpgsqlCommand("SELECT set_config('app.org_id', $1, false)", connections[i]) { Parameters = { new() { Value = org.ToString() } } };
            await caller.ExecuteNonQueryAsync(session.Cancel);
        }

        await Both(connections, session.Phase(0.05), session.Cancel);
        await session.Repeat(async () =>
        {
            double plain = 0, captured = 0;
            await session.Watch(system, "one-row transactions", async () => (plain, captured) = await Both(connections, session.Phase(0.4), session.Cancel));
            session.Record(Figure.Of("one-row inserts, captured", "commits/s", captured, null,
                new("the same inserts without capture, in turns", plain), Goal.AtLeast(0.6)));
            var rows = session.IsQuick ? QuickBulkRows : BulkRows;
            var without = await Bulk(connections[0], "plain", rows, session.Cancel);
            var with = await Bulk(connections[0], "ingredients", rows, session.Cancel);
            session.Record(Figure.Of("capture of a row in bulk, more than without", "µs", (with - without).TotalMicroseconds / rows, Goal.AtMost(20)));
            session.Record(Figure.Of("a row in bulk without capture", "µs", without.TotalMicroseconds / rows));
        });
        foreach (var connection in connections)
        {
            await connection.DisposeAsync();
        }
    }

    /// <summary>In turns, so that what else the machine does falls on both alike.</summary>
    private static async Task<(double Plain, double Captured)> Both(NpgsqlConnection[] connections, TimeSpan duration, CancellationToken cancel)
    {
        double plain = 0, captured = 0;
        for (var i = 0; i < Turns; i++)
        {
            plain += await OneByOne(connections, "plain", duration / Turns / 2, cancel) / Turns;
            captured += await OneByOne(connections, "ingredients", duration / Turns / 2, cancel) / Turns;
        }

        return (plain, captured);
    }

    private static async Task<double> OneByOne(NpgsqlConnection[] connections, string table, TimeSpan duration, CancellationToken cancel)
    {
        var started = Stopwatch.GetTimestamp();
        var commits = await Load.Closed(connections.Length, duration, async client =>
        {
            var id = Guid.NewGuid();
            await using var insert = new NpgsqlCommand(Insert(table), connections[client]) { Parameters = { new() { Value = id }, new() { Value = id.ToString() } } };
            await insert.ExecuteNonQueryAsync(cancel);
        }, cancel);
        return commits / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static async Task<TimeSpan> Bulk(NpgsqlConnection connection, string table, int rows, CancellationToken cancel)
    {
        var started = Stopwatch.GetTimestamp();
        await using var insert = new NpgsqlCommand($"""
            INSERT INTO {table} ({Columns})
            SELECT gen_random_uuid(), gen_random_uuid(), 'bench', 'bench', 'ingredient', 'g', 1000, 0, 0, 1 FROM generate_series(1, $1)
            """, connection) { Parameters = { new() { Value = rows } }, CommandTimeout = 600 };
        await insert.ExecuteNonQueryAsync(cancel);
        return Stopwatch.GetElapsedTime(started);
    }
}
