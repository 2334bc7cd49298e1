using System.Diagnostics;
using OpsPlatform.Bench.Frame;

namespace OpsPlatform.Bench.Benchmarks;

/// <summary>Years of business in a minute, by SQL without capture and rules. Sync sees rows the feed never told, and says so.</summary>
internal static class Seed
{
    public const int OrdersPerDay = 1_000;
    private const int LinesEach = 2;
    private const int LeavesEach = 5;

    /// <summary>Orders back from now, a thousand a day, with two lines each.</summary>
    /// <param name="before">As many were seeded before.</param>
    public static async Task Orders(BenchSystem system, Guid org, int before, int count, CancellationToken cancel)
    {
        var since = Stopwatch.GetTimestamp();
        await using var orders = system.Database("orders", 1);
        // Numbers below 0 are nobody's, so that the organisation can go on placing orders.
        await Shadow.Execute(orders, $"""
            SET session_replication_role = replica;
            SELECT set_config('app.org_id', '{org}', false);
            CREATE TEMP TABLE old AS SELECT n, gen_random_uuid() AS id, now() - n * interval '1 day' / {OrdersPerDay} AS at
            FROM generate_series({before} + 1, {before + count}) n;
            INSERT INTO orders (id, number, status, currency, total_minor, needs_stock, asked_id, asked_at, content_hash, occurred_at, placed_at, confirmed_at)
            SELECT id, -n, CASE n % 10 WHEN 0 THEN 'completed' ELSE 'confirmed' END, 'GBP', 440, true, gen_random_uuid(), at, decode(repeat('ab', 32), 'hex'), at, at, at
            FROM old;
            INSERT INTO order_lines (order_id, line_no, menu_item_id, name, kind, target_id, pieces_per_sale, quantity, unit_price_minor, total_minor, tax_class)
            SELECT id, l, gen_random_uuid(), 'bench', 'recipe', gen_random_uuid(), 1, 1, 220, 220, 'zero' FROM old CROSS JOIN generate_series(1, {LinesEach}) l;
            DROP TABLE old; ANALYZE orders; ANALYZE order_lines; RESET session_replication_role
            """, cancel);
        Console.WriteLine($"    seeded {count:#,0} orders in {Stopwatch.GetElapsedTime(since).TotalSeconds:0} s");
    }

    /// <summary>Ingredients in every state, and recipes of five of them each.</summary>
    public static async Task Stock(BenchSystem system, Guid org, int ingredients, int recipes, CancellationToken cancel)
    {
        await using var inventory = system.Database("inventory", 1);
        await Shadow.Execute(inventory, $"""
            SET session_replication_role = replica;
            SELECT set_config('app.org_id', '{org}', false);
            CREATE TEMP TABLE parts AS SELECT n, gen_random_uuid() AS id FROM generate_series(1, {ingredients}) n;
            CREATE TEMP TABLE dishes AS SELECT n, gen_random_uuid() AS id FROM generate_series(1, {recipes}) n;
            INSERT INTO ingredients (id, code, name, category, kind, unit, stock, reorder_point, maximum_stock, usage_rate, unit_cost_minor)
            SELECT id, 'part-' || n, 'bench', 'bench', 'ingredient', 'g', n % 40 * 25, 100, 900, 10, 1 FROM parts;
            INSERT INTO recipes (id, code, name, yield_quantity, yield_unit, lines)
            SELECT d.id, 'seeded-dish-' || d.n, 'bench', 1, 'piece',
              (SELECT jsonb_agg(jsonb_build_object('ingredientId', p.id, 'quantity', 10)) FROM parts p WHERE p.n BETWEEN d.n * {LeavesEach} - {LeavesEach - 1} AND d.n * {LeavesEach})
            FROM dishes d;
            INSERT INTO recipe_lines (recipe_id, position, ingredient_id, quantity)
            SELECT d.id, p.n - d.n * {LeavesEach} + {LeavesEach - 1}, p.id, 10 FROM dishes d JOIN parts p ON p.n BETWEEN d.n * {LeavesEach} - {LeavesEach - 1} AND d.n * {LeavesEach};
            INSERT INTO recipe_leaves (recipe_id, ingredient_id, numerator, denominator)
            SELECT recipe_id, ingredient_id, 10, 1 FROM recipe_lines WHERE recipe_id IN (SELECT id FROM dishes);
            DROP TABLE parts, dishes; ANALYZE ingredients; ANALYZE recipes; ANALYZE recipe_leaves; RESET session_replication_role
            """, cancel);
    }

    /// <summary>What so many orders leave in the stock's books: four rows of its log each, and the decision.</summary>
    public static async Task StockLog(BenchSystem system, Guid org, int orders, CancellationToken cancel)
    {
        await using var inventory = system.Database("inventory", 1);
        await Shadow.Execute(inventory, $"""
            SET session_replication_role = replica;
            SELECT set_config('app.org_id', '{org}', false);
            CREATE TEMP TABLE old AS SELECT gen_random_uuid() AS id FROM generate_series(1, {orders});
            INSERT INTO stock_decisions (order_id, state, decided_at) SELECT id, 'consumed', now() FROM old;
            INSERT INTO stock_log (id, ingredient_id, change_type, quantity_before, quantity_after, quantity_changed, reference_type, reference_id, created_at)
            SELECT gen_random_uuid(), ingredient.id, 'consumption', 100, 50, -50, 'order', old.id, now()
            FROM old CROSS JOIN (SELECT id FROM ingredients WHERE org_id = '{org}' LIMIT 4) ingredient;
            DROP TABLE old; ANALYZE stock_log; ANALYZE stock_decisions; RESET session_replication_role
            """, cancel);
    }
}
