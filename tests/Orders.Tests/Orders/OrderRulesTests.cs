using Npgsql;

namespace OpsPlatform.Orders.Tests.Orders;

/// <summary>The database refuses what the code would never do.</summary>
[Collection(nameof(OrdersCollection))]
public sealed class OrderRulesTests(OrdersFixture fixture)
{
    private static readonly string[] States = ["placed", "confirming", "confirmed", "rejected", "cancelling", "cancelled", "completed"];

    private static readonly HashSet<(string, string)> Legal =
    [
        ("placed", "confirming"), ("placed", "cancelled"),
        ("confirming", "confirmed"), ("confirming", "rejected"), ("confirming", "cancelling"),
        ("confirmed", "completed"), ("confirmed", "cancelling"),
        ("cancelling", "cancelled"),
    ];

    private readonly Shop _shop = fixture.Shop();

    [Fact]
    public async Task Only_legal_moves_are_stored()
    {
        await using var connection = await fixture.OpenAs("app", _shop.Org);
        foreach (var (from, path) in Paths())
        {
            foreach (var to in States.Where(state => state != from))
            {
                var order = await _shop.Order(await _shop.Item());
                foreach (var step in path)
                {
                    (await Moves(connection, order, step)).ShouldBeTrue();
                }

                (await Moves(connection, order, to)).ShouldBe(Legal.Contains((from, to)), $"{from} to {to}");
            }
        }
    }

    [Fact]
    public async Task An_order_cannot_start_decided()
    {
        await using var connection = await fixture.OpenAs("app", _shop.Org);
        await using var insert = new NpgsqlCommand("""
            INSERT INTO orders (id, number, status, currency, total_minor, needs_stock, content_hash, occurred_at, placed_at, confirmed_at)
            VALUES (gen_random_uuid(), 1, 'confirmed', 'GBP', 1, true, '', now(), now(), now())
            """, connection);

        var refusal = await Should.ThrowAsync<PostgresException>(() => insert.ExecuteNonQueryAsync());

        refusal.ConstraintName.ShouldBe("orders_legal_start");
    }

    [Theory]
    [InlineData("UPDATE order_lines SET unit_price_minor = 1, total_minor = 1")]
    [InlineData("DELETE FROM order_lines")]
    [InlineData("DELETE FROM orders")]
    public async Task What_was_sold_cannot_be_rewritten(string sql)
    {
        await _shop.Order(await _shop.Item());
        await using var connection = await fixture.OpenAs("app", _shop.Org);
        await using var command = new NpgsqlCommand(sql, connection);

        var refusal = await Should.ThrowAsync<PostgresException>(() => command.ExecuteNonQueryAsync());

        refusal.SqlState.ShouldBe(PostgresErrorCodes.InsufficientPrivilege);
    }

    private static IEnumerable<(string From, string[] Path)> Paths() =>
    [
        ("placed", []),
        ("confirming", ["confirming"]),
        ("confirmed", ["confirming", "confirmed"]),
        ("rejected", ["confirming", "rejected"]),
        ("cancelling", ["confirming", "cancelling"]),
        ("cancelled", ["cancelled"]),
        ("completed", ["confirming", "confirmed", "completed"]),
    ];

    private static async Task<bool> Moves(NpgsqlConnection connection, Guid order, string to)
    {
        await using var move = new NpgsqlCommand("""
            UPDATE orders SET status = $2, asked_id = id, asked_at = now(), confirmed_at = now(),
                reasons = CASE $2 WHEN 'rejected' THEN '[]'::jsonb END
            WHERE id = $1
            """, connection) { Parameters = { new() { Value = order }, new() { Value = to } } };
        try
        {
            return await move.ExecuteNonQueryAsync() == 1;
        }
        catch (PostgresException refused) when (refused.ConstraintName == "orders_legal_move")
        {
            return false;
        }
    }
}
