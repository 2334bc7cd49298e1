using Npgsql;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.Testing;

namespace OpsPlatform.Orders.Tests.Orders;

/// <summary>A service of its own, so that its many orders are in nobody's way.</summary>
public sealed class FilledOrders : OrdersFixture
{
    private const int Orders = 100_000;
    private const int LinesEach = 2;
    private const int OrdersPerDay = 1_000;
    private readonly SemaphoreSlim _turn = new(1);
    private bool _isFilled;

    public Guid Org { get; } = Guid.NewGuid();

    /// <summary>Every second order is another organisation's; one in ten is completed.</summary>
    public async Task Fill()
    {
        await _turn.WaitAsync();
        try
        {
            if (_isFilled)
            {
                return;
            }

            await using var app = await OpenAs("app");
            await using var connection = new NpgsqlConnection((await Infrastructure.Get()).Database(app.Database));
            await connection.OpenAsync();
            // Without capture and rules, and as one who sees all.
            await using var fill = new NpgsqlCommand(
                $"""
                SET session_replication_role = replica;
                INSERT INTO orders (org_id, id, number, status, currency, total_minor, needs_stock, asked_id, asked_at, content_hash, occurred_at, placed_at, confirmed_at)
                SELECT CASE n % 2 WHEN 0 THEN '{Org}' ELSE '{Guid.NewGuid()}' END::uuid, gen_random_uuid(), n, CASE n / 2 % 10 WHEN 0 THEN 'completed' ELSE 'confirmed' END,
                  'GBP', 440, true, gen_random_uuid(), at, decode(repeat('ab', 32), 'hex'), at, at, at
                FROM (SELECT n, now() - n * interval '1 day' / {OrdersPerDay} AS at FROM generate_series(1, {Orders}) n) o;
                INSERT INTO order_lines (org_id, order_id, line_no, menu_item_id, name, kind, target_id, pieces_per_sale, quantity, unit_price_minor, total_minor, tax_class)
                SELECT org_id, id, l, gen_random_uuid(), 'dish', 'recipe', gen_random_uuid(), 1, 1, 220, 220, 'zero' FROM orders CROSS JOIN generate_series(1, {LinesEach}) l;
                ANALYZE orders; ANALYZE order_lines; RESET session_replication_role
                """, connection)
            { CommandTimeout = 300 };
            await fill.ExecuteNonQueryAsync();
            _isFilled = true;
        }
        finally
        {
            _turn.Release();
        }
    }
}

public sealed class PlanTests(FilledOrders orders) : IClassFixture<FilledOrders>
{
    private const int RowsOfAnOrder = 3;
    // Of a state that most orders have, the few in between may be read and thrown away.
    private const int Most = 2 * (Paging.DefaultLimit + 1) * RowsOfAnOrder;

    [Theory]
    [InlineData("/orders")]
    [InlineData("/orders?status=confirmed")]
    [InlineData("/orders?status=completed&to={40}")]
    [InlineData("/orders?from={60}&to={40}")]
    public async Task A_page_of_orders_reads_little_more_than_it_shows(string path)
    {
        await orders.Fill();
        await Reads(path.Replace("{40}", DaysAgo(40)).Replace("{60}", DaysAgo(60)));
    }

    [Fact]
    public async Task A_page_far_back_reads_no_more_than_a_near_one()
    {
        await orders.Fill();
        var cursor = Paging.Encode(new { OccurredAt = DateTimeOffset.UtcNow.AddDays(-50), Id = Guid.NewGuid() });
        await Reads($"/orders?cursor={cursor}");
        await Reads($"/orders?status=completed&cursor={cursor}");
    }

    private static string DaysAgo(int days) => $"{DateTime.UtcNow.AddDays(-days):yyyy-MM-ddTHH:mm:ssZ}";

    private async Task Reads(string path)
    {
        foreach (var plan in await QueryPlans.Of(orders, orders.Org, path, "FROM orders"))
        {
            plan.SequentialScans.ShouldBeEmpty($"{path}, {plan}");
            plan.RowsRead.ShouldBeInRange(1, Most, $"{path}, {plan}");
        }
    }
}
