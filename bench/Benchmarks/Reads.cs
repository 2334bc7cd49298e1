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
    private const int LeavesEach = 5;
    private const int OrdersPerDay = 1_000;
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
        var days = await Seed(session, system, tenant.Id);
        await using var orders = system.Database("orders", 8, "orders_app");
        await using var inventory = system.Database("inventory", 8, "inventory_app");
        var recipes = await RecipeIds(inventory, tenant.Id, session.Cancel);
        await session.Repeat(async () =>
        {
            await tenant.Refresh(session.Cancel);
            var yarp = await BareParts.HelloThroughYarp(session.Phase(0.05), session.Cancel);
            Task One(string name, Func<string> path, NpgsqlDataSource database, string sql) => Measure(session, system, tenant, name, path, yarp, database, sql);
            await One("latest orders", () => "/orders", orders, """
                SELECT * FROM (SELECT * FROM orders WHERE org_id = current_org() ORDER BY occurred_at DESC, id DESC LIMIT 51) o JOIN order_lines l ON l.org_id = o.org_id AND l.order_id = o.id
                """);
            await One("orders of one state up to a day", () => $"/orders?status=confirmed&to={Day(Random.Shared.Next(days)):yyyy-MM-ddTHH:mm:ssZ}", orders, $"""
                SELECT * FROM (SELECT * FROM orders WHERE org_id = current_org() AND status = 'confirmed' AND occurred_at < now() - interval '{days / 2} days'
                ORDER BY occurred_at DESC, id DESC LIMIT 51) o JOIN order_lines l ON l.org_id = o.org_id AND l.order_id = o.id
                """);
            await One("inventory status", () => $"/inventory/status?state={Random.Shared.GetItems(States, 1)[0]}", inventory,
                "SELECT * FROM inventory_status WHERE org_id = current_org() AND status = 'LOW_STOCK' ORDER BY code LIMIT 51");
            await One("availability of all recipes", () => "/recipes/availability", inventory, "SELECT * FROM recipe_availability_for(1) ORDER BY code LIMIT 51");
            await One("availability of one recipe", () => $"/recipes/{Random.Shared.GetItems(recipes, 1)[0]}/availability?quantity=3", inventory,
                $"SELECT * FROM recipe_availability_for(3) WHERE recipe_id = '{recipes[0]}'");
        });
    }

    private static async Task Measure(
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

    /// <summary>By SQL, without capture and rules: years of business in a minute. Sync sees rows the feed never told, and says so.</summary>
    /// <returns>How many days of orders there are.</returns>
    private static async Task<int> Seed(Session session, BenchSystem system, Guid org)
    {
        var count = session.IsQuick ? QuickOrders : Orders;
        var since = Stopwatch.GetTimestamp();
        await using var orders = system.Database("orders", 1);
        await Shadow.Execute(orders, $"""
            SET session_replication_role = replica;
            SELECT set_config('app.org_id', '{org}', false);
            INSERT INTO orders (id, number, status, currency, total_minor, needs_stock, asked_id, asked_at, content_hash, occurred_at, placed_at, confirmed_at)
            SELECT gen_random_uuid(), n, CASE n % 10 WHEN 0 THEN 'completed' ELSE 'confirmed' END, 'GBP', 440, true, gen_random_uuid(), at, decode(repeat('ab', 32), 'hex'), at, at, at
            FROM (SELECT n, now() - n * interval '1 day' / {OrdersPerDay} AS at FROM generate_series(1, {count}) n) o;
            INSERT INTO order_lines (order_id, line_no, menu_item_id, name, kind, target_id, pieces_per_sale, quantity, unit_price_minor, total_minor, tax_class)
            SELECT id, l, gen_random_uuid(), 'bench', 'recipe', gen_random_uuid(), 1, 1, 220, 220, 'zero' FROM orders CROSS JOIN generate_series(1, 2) l;
            ANALYZE orders; ANALYZE order_lines; RESET session_replication_role
            """, session.Cancel);
        await using var inventory = system.Database("inventory", 1);
        await Shadow.Execute(inventory, $"""
            SET session_replication_role = replica;
            SELECT set_config('app.org_id', '{org}', false);
            CREATE TEMP TABLE parts AS SELECT n, gen_random_uuid() AS id FROM generate_series(1, {Ingredients}) n;
            CREATE TEMP TABLE dishes AS SELECT n, gen_random_uuid() AS id FROM generate_series(1, {Recipes}) n;
            INSERT INTO ingredients (id, code, name, category, kind, unit, stock, reorder_point, maximum_stock, usage_rate, unit_cost_minor)
            SELECT id, 'part-' || n, 'bench', 'bench', 'ingredient', 'g', n % 40 * 25, 100, 900, 10, 1 FROM parts;
            INSERT INTO recipes (id, code, name, yield_quantity, yield_unit, lines)
            SELECT d.id, 'dish-' || d.n, 'bench', 1, 'piece',
              (SELECT jsonb_agg(jsonb_build_object('ingredientId', p.id, 'quantity', 10)) FROM parts p WHERE p.n BETWEEN d.n * {LeavesEach} - {LeavesEach - 1} AND d.n * {LeavesEach})
            FROM dishes d;
            INSERT INTO recipe_lines (recipe_id, position, ingredient_id, quantity)
            SELECT d.id, p.n - d.n * {LeavesEach} + {LeavesEach - 1}, p.id, 10 FROM dishes d JOIN parts p ON p.n BETWEEN d.n * {LeavesEach} - {LeavesEach - 1} AND d.n * {LeavesEach};
            INSERT INTO recipe_leaves (recipe_id, ingredient_id, numerator, denominator)
            SELECT recipe_id, ingredient_id, 10, 1 FROM recipe_lines WHERE recipe_id IN (SELECT id FROM dishes);
            ANALYZE ingredients; ANALYZE recipes; ANALYZE recipe_leaves; RESET session_replication_role
            """, session.Cancel);
        Console.WriteLine($"    seeded {count:#,0} orders in {Stopwatch.GetElapsedTime(since).TotalSeconds:0} s");
        return count / OrdersPerDay;
    }
}
