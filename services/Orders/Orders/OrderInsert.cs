using System.Text.Json;
using Npgsql;
using NpgsqlTypes;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Orders.Orders;

/// <summary>Writes a new order with everything that belongs to it in one round trip, which is one transaction.</summary>
internal static class OrderInsert
{
    /// <summary>Two first orders of one person at once: the second waits for the first here and then finds the customer.</summary>
    private const string CustomerSql = """
        INSERT INTO customers (org_id, id, email, external_id, name)
        SELECT $1, $2, $3, $4, $5
        WHERE NOT EXISTS (SELECT FROM customers WHERE org_id = $1 AND (email = $3 OR external_id = $4))
        ON CONFLICT DO NOTHING
        """;

    private const string OrderSql = """
        INSERT INTO orders (org_id, id, number, status, customer_id, currency, total_minor, note, needs_stock, asked_id,
            confirmation_attempts, asked_at, content_hash, occurred_at, placed_at, confirmed_at)
        VALUES ($1, $2, $3, $4,
            (SELECT id FROM customers WHERE org_id = $1 AND (email = $15 OR external_id = $16)),
            $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $17)
        RETURNING customer_id, row_version
        """;

    private const string LinesSql = """
        INSERT INTO order_lines (org_id, order_id, line_no, menu_item_id, name, kind, target_id, pieces_per_sale, quantity,
            unit_price_minor, total_minor, tax_class, category)
        SELECT $1, $2, * FROM unnest($3::int[], $4::uuid[], $5::text[], $6::text[], $7::uuid[], $8::numeric[], $9::int[],
            $10::bigint[], $11::bigint[], $12::text[], $13::text[])
        """;

    /// <returns>False when another request stored an order under this id first; then nothing was written.</returns>
    public static async Task<bool> TryStore(
        NpgsqlConnection connection, Caller caller, Order order, OrderDraft draft, CancellationToken cancel)
    {
        // What a confirmed order says holds its customer, who is known only once the row is written: its messages follow in a
        // second batch. Only orders of services are confirmed at once; all others take one round trip.
        var tellsCustomer = order.Status == OrderStatus.Confirmed && (draft.Email is not null || draft.ExternalId is not null);
        await using var transaction = tellsCustomer ? await connection.BeginTransactionAsync(cancel) : null;
        await using var batch = new NpgsqlBatch(connection);
        if (draft.Email is not null || draft.ExternalId is not null)
        {
            batch.BatchCommands.Add(Customer(order, draft));
        }

        batch.BatchCommands.Add(Row(order, draft));
        batch.BatchCommands.Add(Lines(order));
        if (!tellsCustomer)
        {
            Outbox.AddTo(batch, caller, Messages(order));
        }

        try
        {
            await using (var reader = await batch.ExecuteReaderAsync(cancel))
            {
                await reader.ReadAsync(cancel);
                order.Stored(reader.IsDBNull(0) ? null : reader.GetGuid(0), reader.GetInt64(1));
                while (await reader.NextResultAsync(cancel))
                {
                    // Faults of the later commands surface only when their results are read.
                }
            }
        }
        catch (PostgresException taken) when (taken is { SqlState: PostgresErrorCodes.UniqueViolation, ConstraintName: "orders_pkey" })
        {
            return false;
        }

        if (transaction is not null)
        {
            await using var messages = new NpgsqlBatch(connection);
            Outbox.AddTo(messages, caller, Messages(order));
            await messages.ExecuteNonQueryAsync(cancel);
            await transaction.CommitAsync(cancel);
        }

        return true;
    }

    private static OutboxMessage[] Messages(Order order)
    {
        var placed = new OutboxMessage(new OrderPlaced(order.Id, order.Number, order.TotalMinor, order.Currency, order.OccurredAt));
        return order.Status == OrderStatus.Placed
            ? [placed]
            : [placed, new OutboxMessage(order.ConfirmationMessage(), order.AskedId)];
    }

    private static NpgsqlBatchCommand Customer(Order order, OrderDraft draft) => new(CustomerSql)
    {
        Parameters =
        {
            new() { Value = order.OrgId },
            new() { Value = Guid.CreateVersion7(draft.PlacedAt) },
            Text(draft.Email),
            Text(draft.ExternalId),
            Text(draft.CustomerName),
        },
    };

    private static NpgsqlBatchCommand Row(Order order, OrderDraft draft) => new(OrderSql)
    {
        Parameters =
        {
            new() { Value = order.OrgId },
            new() { Value = order.Id },
            new() { Value = order.Number },
            Text(Name(order.Status)),
            Text(order.Currency),
            new() { Value = order.TotalMinor },
            Text(order.Note),
            new() { Value = order.NeedsStock },
            Nullable(order.AskedId, NpgsqlDbType.Uuid),
            new() { Value = order.ConfirmationAttempts },
            Nullable(order.AskedAt, NpgsqlDbType.TimestampTz),
            new() { Value = order.ContentHash },
            new() { Value = order.OccurredAt },
            new() { Value = order.PlacedAt },
            Text(draft.Email),
            Text(draft.ExternalId),
            Nullable(order.ConfirmedAt, NpgsqlDbType.TimestampTz),
        },
    };

    private static NpgsqlBatchCommand Lines(Order order) => new(LinesSql)
    {
        Parameters =
        {
            new() { Value = order.OrgId },
            new() { Value = order.Id },
            Column(order, line => line.LineNo, NpgsqlDbType.Integer),
            Column(order, line => line.MenuItemId, NpgsqlDbType.Uuid),
            Column(order, line => line.Name, NpgsqlDbType.Text),
            Column(order, line => Name(line.Kind), NpgsqlDbType.Text),
            Column(order, line => line.TargetId, NpgsqlDbType.Uuid),
            Column(order, line => line.PiecesPerSale, NpgsqlDbType.Numeric),
            Column(order, line => line.Quantity, NpgsqlDbType.Integer),
            Column(order, line => line.UnitPriceMinor, NpgsqlDbType.Bigint),
            Column(order, line => line.TotalMinor, NpgsqlDbType.Bigint),
            Column(order, line => Name(line.TaxClass), NpgsqlDbType.Text),
            Column(order, line => line.Category, NpgsqlDbType.Text),
        },
    };

    private static string Name<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());

    private static NpgsqlParameter Text(string? value) => Nullable(value, NpgsqlDbType.Text);

    private static NpgsqlParameter Nullable<T>(T? value, NpgsqlDbType type) => new() { Value = value ?? (object)DBNull.Value, NpgsqlDbType = type };

    private static NpgsqlParameter Column<T>(Order order, Func<OrderLine, T> column, NpgsqlDbType type) =>
        new() { Value = order.Lines.Select(column).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | type };
}
