using System.Diagnostics;
using Npgsql;
using OpsPlatform.Bench.Frame;

namespace OpsPlatform.Bench.Benchmarks;

internal sealed class Reads : IBenchmark
{
    private const int Orders = 1_000_000;
    private const int QuickOrders = 50_000;
    private const int Ingredients = 5_000;
    private const int Recipes = 1_000;
    private const int PerSecond = 20;
    private const int MaxWaiting = 200;
    private const int GoalMs = 50;
    private static readonly string[] States = ["OUT_OF_STOCK", "LOW_STOCK", "OVERSTOCK", "NORMAL"];

    public string Name => "reads";

    public string About => $"lists over {Orders:#,0} orders, {Ingredients:#,0} ingredients and {Recipes:#,0} recipes of one organisation, {PerSecond} a second of each, pages of 50";

    public async Task Run(Session session)
    {
        await using var system = await session.Boot();
        using var tenant = await Tenant.Register(system, "Reads", session.Cancel);
        var count = session.IsQuick ? QuickOrders : Orders;
        var days = count / Seed.OrdersPerDay;
        await Seed.Orders(system, tenant.Id, 0, count, session.Cancel);
        await Seed.Stock(system, tenant.Id, Ingredients, Recipes, session.Cancel);
        await using var orders = system.Database("orders", 8, "orders_app");
        await using var inventory = system.Database("inventory", 8, "inventory_app");
        var recipes = await RecipeIds(inventory, tenant.Id, session.Cancel);
        await session.Repeat(async () =>
        {
            await tenant.Refresh(session.Cancel);
            var yarp = await BareWeb.Hello(session.Phase(0.05), session.Cancel);
            Task One(string name, Func<string> path, NpgsqlDataSource database, string sql) => Measure(session, system, tenant, name, path, yarp, database, sql);
            await One("latest orders", () => "/orders", orders, """
                SELECT * FROM (SELECT * FROM orders WHERE org_id = (SELECT current_org()) ORDER BY occurred_at DESC, id DESC LIMIT 51) o JOIN order_lines l ON l.org_id = o.org_id AND l.order_id = o.id
                """);
            await One("orders of one state up to a day", () => $"/orders?status=confirmed&to={Day(Random.Shared.Next(days)):yyyy-MM-ddTHH:mm:ssZ}", orders, $"""
                SELECT * FROM (SELECT * FROM orders WHERE org_id = (SELECT current_org()) AND status = 'confirmed' AND occurred_at < now() - interval '{days / 2} days'
                ORDER BY occurred_at DESC, id DESC LIMIT 51) o JOIN order_lines l ON l.org_id = o.org_id AND l.order_id = o.id
                """);
            await One("inventory status", () => $"/inventory/status?state={Random.Shared.GetItems(States, 1)[0]}", inventory,
                "SELECT * FROM inventory_status WHERE org_id = (SELECT current_org()) AND status = 'LOW_STOCK' ORDER BY code LIMIT 51");
            await One("availability of all recipes", () => "/recipes/availability", inventory,
                "SELECT * FROM recipe_availability_for(1) WHERE recipe_id = ANY(ARRAY(SELECT id FROM recipes ORDER BY code LIMIT 51)) ORDER BY code");
            await One("availability of one recipe", () => $"/recipes/{Random.Shared.GetItems(recipes, 1)[0]}/availability?quantity=3", inventory,
                $"SELECT * FROM recipe_availability_for(3) WHERE recipe_id = '{recipes[0]}'");
        });
    }

    /// <param name="yarp">A hello through it.</param>
    /// <param name="sql">The same question, of the caller's organisation.</param>
    public static async Task Measure(
        Session session, BenchSystem system, Tenant tenant, string name, Func<string> path, Samples yarp, NpgsqlDataSource database, string sql)
    {
        var raw = await Raw(database, tenant.Id, sql, session.Phase(0.05), session.Cancel);
        var latency = new Samples();
        async Task Call(long due)
        {
            using var response = await tenant.Client.GetAsync(path(), HttpCompletionOption.ResponseHeadersRead, session.Cancel);
            await response.Content.CopyToAsync(Stream.Null, session.Cancel);
            response.EnsureSuccessStatusCode();
            latency.Add(due);
        }

        await Load.Open(PerSecond, session.Phase(0.05), Call, MaxWaiting, session.Cancel);
        latency = new();
        await session.Watch(system, name, () => Load.Open(PerSecond, session.Phase(0.25), Call, MaxWaiting, session.Cancel));
        session.Record(Figure.Latency(name, latency, p99Goal: GoalMs, limitName: "the same question by raw Npgsql and a hello through YARP, one after another", limit: Samples.Sum(raw, yarp)));
    }

    private static async Task<Samples> Raw(NpgsqlDataSource database, Guid org, string sql, TimeSpan duration, CancellationToken cancel)
    {
        await using var connection = await database.OpenConnectionAsync(cancel);
        await using (var caller = Caller(connection, org))
        {
            await caller.ExecuteNonQueryAsync(cancel);
        }

        var samples = new Samples();
        await Load.Closed(1, duration, async _ =>
        {
            var asked = Stopwatch.GetTimestamp();
            await using var command = new NpgsqlCommand(sql, connection);
            await using var reader = await command.ExecuteReaderAsync(cancel);
            while (await reader.ReadAsync(cancel))
            {
                // Reading to the end is part of the answer.
            }

            samples.Add(asked);
        }, cancel);
        return samples;
    }

    private static DateTime Day(int daysAgo) => DateTime.UtcNow.AddDays(-daysAgo);

    private static NpgsqlCommand Caller(NpgsqlConnection connection, Guid org) =>
        new("SELECT set_config('app.org_id', $1, false)", connection) { Parameters = { new() { Value = org.ToString() } } };

    private static async Task<Guid[]> RecipeIds(NpgsqlDataSource inventory, Guid org, CancellationToken cancel)
    {
        await using var connection = await inventory.OpenConnectionAsync(cancel);
        await using (var caller = Caller(connection, org))
        {
            await caller.ExecuteNonQueryAsync(cancel);
        }

        await using var read = new NpgsqlCommand("SELECT array_agg(id) FROM recipes", connection);
        return (Guid[])(await read.ExecuteScalarAsync(cancel))!;
    }
}
