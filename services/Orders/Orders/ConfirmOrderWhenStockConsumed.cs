using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Orders.Orders;

/// <summary>
/// Confirms the orders Inventory consumed for; one being cancelled meanwhile stays so, its stock comes back. Written by hand because
/// every sale passes here: one batch confirms and reads what was sold, a second one says so.
/// </summary>
internal sealed class ConfirmOrderWhenStockConsumed(OrdersDb db, Caller caller, TimeProvider time, WakeAfterCommit waiting) : IHear<StockConsumed>
{
    // IS TRUE keeps the planner to the key: the index of what is not yet decided holds every order of the last minutes too.
    private const string ConfirmSql = """
        UPDATE orders o SET status = 'confirmed', confirmed_at = $3
        FROM unnest($2::uuid[]) AS heard (id)
        WHERE o.org_id = $1 AND o.id = heard.id AND (o.status = 'confirming') IS TRUE
        RETURNING o.id, o.number, o.total_minor, o.currency, o.occurred_at, o.customer_id, o.confirmed_at, o.confirmation_attempts, o.row_version
        """;

    private const string LinesSql = """
        SELECT order_id, menu_item_id, name, category, quantity, unit_price_minor, total_minor, tax_class
        FROM order_lines WHERE org_id = $1 AND order_id = ANY($2) ORDER BY order_id, line_no
        """;

    public async Task Hear(IReadOnlyList<Envelope<StockConsumed>> messages, CancellationToken cancel)
    {
        var causes = messages.DistinctBy(x => x.Message.OrderId).ToDictionary(x => x.Message.OrderId, x => x.Cause());
        var confirmed = await Confirm([.. causes.Keys], cancel);
        await using var batch = new NpgsqlBatch(db.Connection);
        Outbox.AddTo(batch, caller, [.. confirmed.Select(order => new OutboxMessage(order.Message, Cause: causes[order.Message.OrderId]))]);
        db.RunLast(batch.BatchCommands);
        foreach (var order in confirmed)
        {
            waiting.Decided(caller.Org, order.Message.OrderId, order.Confirmation);
        }
    }

    private async Task<IReadOnlyList<(OrderConfirmed Message, Confirmation Confirmation)>> Confirm(Guid[] orders, CancellationToken cancel)
    {
        await using var batch = new NpgsqlBatch(db.Connection)
        {
            BatchCommands =
            {
                new(ConfirmSql) { Parameters = { new() { Value = caller.Org }, new() { Value = orders }, new() { Value = time.GetUtcNow() } } },
                new(LinesSql) { Parameters = { new() { Value = caller.Org }, new() { Value = orders } } },
            },
        };
        await using var row = await batch.ExecuteReaderAsync(cancel);
        List<(OrderConfirmed Message, Confirmation Confirmation)> confirmed = [];
        while (await row.ReadAsync(cancel))
        {
            confirmed.Add((
                new(row.GetGuid(0), row.GetInt64(1), row.GetInt64(2), row.GetString(3), row.GetFieldValue<DateTimeOffset>(4), row.IsDBNull(5) ? null : row.GetGuid(5), []),
                new(row.GetFieldValue<DateTimeOffset>(6), row.GetInt32(7), row.GetInt64(8))));
        }

        await row.NextResultAsync(cancel);
        List<(Guid Order, SoldLine Line)> lines = [];
        while (await row.ReadAsync(cancel))
        {
            lines.Add((row.GetGuid(0), new(
                row.GetGuid(1), row.GetString(2), row.IsDBNull(3) ? null : row.GetString(3), row.GetInt32(4), row.GetInt64(5), row.GetInt64(6), row.GetString(7))));
        }

        var sold = lines.ToLookup(line => line.Order, line => line.Line);
        return [.. confirmed.Select(order => (order.Message with { Lines = [.. sold[order.Message.OrderId]] }, order.Confirmation))];
    }
}
