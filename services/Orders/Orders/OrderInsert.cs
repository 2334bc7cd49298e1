using System.Text.Json;
using Npgsql;
using NpgsqlTypes;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Database;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Orders.Orders;

/// <summary>An order to be stored, and who asked for it.</summary>
internal sealed record NewOrder(Order Order, OrderRequest Request);

/// <summary>Writes new orders of one organisation with everything that belongs to them: a statement a table, however many there are.</summary>
internal static class OrderInsert
{
    /// <summary>Where another replica stores the same person at this moment, the orders' reference fails and finds them at the next attempt.</summary>
    private const string CustomersSql = """
        INSERT INTO customers (org_id, id, email, external_id, name)
        SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[])
        ON CONFLICT DO NOTHING
        """;

    private const string OrdersSql = """
        INSERT INTO orders (org_id, id, number, status, customer_id, currency, total_minor, note, needs_stock, asked_id,
            confirmation_attempts, asked_at, content_hash, occurred_at, placed_at, confirmed_at)
        SELECT $1, * FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::uuid[], $6::text[], $7::bigint[], $8::text[], $9::boolean[], $10::uuid[],
            $11::int[], $12::timestamptz[], $13::bytea[], $14::timestamptz[], $15::timestamptz[], $16::timestamptz[])
        """;

    private const string LinesSql = """
        INSERT INTO order_lines (org_id, order_id, line_no, menu_item_id, name, kind, target_id, pieces_per_sale, quantity,
            unit_price_minor, total_minor, tax_class, category)
        SELECT $1, * FROM unnest($2::uuid[], $3::int[], $4::uuid[], $5::text[], $6::text[], $7::uuid[], $8::numeric[], $9::int[],
            $10::bigint[], $11::bigint[], $12::text[], $13::text[])
        """;

    public static void AddTo(NpgsqlBatch batch, Caller caller, IReadOnlyList<NewOrder> orders, OrderLook known)
    {
        if (orders.Count == 0)
        {
            return;
        }

        // In one order everywhere, so that two replicas' transactions wait for each other instead of deadlocking.
        Order[] rows = [.. orders.Select(order => order.Order).OrderBy(order => order.Id)];
        NewCustomer[] customers = [.. known.NewCustomers.OrderBy(customer => customer.Email, StringComparer.Ordinal).ThenBy(customer => customer.ExternalId, StringComparer.Ordinal)];
        var behalves = orders.ToDictionary(order => order.Order.Id, order => order.Request.Behalf);
        batch.BatchCommands.Add(Tenant.ForEntities(
            [.. behalves.Select(order => (order.Key, order.Value)), .. customers.Select(customer => (customer.Id, behalves[customer.FirstOrder]))]));
        if (customers.Length > 0)
        {
            batch.BatchCommands.Add(Customers(caller.Org, customers));
        }

        batch.BatchCommands.Add(Orders(caller.Org, rows));
        batch.BatchCommands.Add(Lines(caller.Org, [.. rows.SelectMany(order => order.Lines)]));
        Outbox.AddTo(batch, caller, [.. orders.SelectMany(order => Messages(order.Order, order.Request.Behalf.Cause))]);
    }

    private static IEnumerable<OutboxMessage> Messages(Order order, MessageCause cause)
    {
        yield return new(new OrderPlaced(order.Id, order.Number, order.TotalMinor, order.Currency, order.OccurredAt), Cause: cause);
        if (order.Status != OrderStatus.Placed)
        {
            yield return new(order.ConfirmationMessage(), order.AskedId, cause);
        }
    }

    private static NpgsqlBatchCommand Customers(Guid org, NewCustomer[] customers) => new(CustomersSql)
    {
        Parameters =
        {
            new() { Value = org },
            Columns.Of(customers, x => x.Id, NpgsqlDbType.Uuid),
            Columns.Of(customers, x => x.Email, NpgsqlDbType.Text),
            Columns.Of(customers, x => x.ExternalId, NpgsqlDbType.Text),
            Columns.Of(customers, x => x.Name, NpgsqlDbType.Text),
        },
    };

    private static NpgsqlBatchCommand Orders(Guid org, Order[] orders) => new(OrdersSql)
    {
        Parameters =
        {
            new() { Value = org },
            Columns.Of(orders, x => x.Id, NpgsqlDbType.Uuid),
            Columns.Of(orders, x => x.Number, NpgsqlDbType.Bigint),
            Columns.Of(orders, x => Name(x.Status), NpgsqlDbType.Text),
            Columns.Of(orders, x => x.CustomerId, NpgsqlDbType.Uuid),
            Columns.Of(orders, x => x.Currency, NpgsqlDbType.Text),
            Columns.Of(orders, x => x.TotalMinor, NpgsqlDbType.Bigint),
            Columns.Of(orders, x => x.Note, NpgsqlDbType.Text),
            Columns.Of(orders, x => x.NeedsStock, NpgsqlDbType.Boolean),
            Columns.Of(orders, x => x.AskedId, NpgsqlDbType.Uuid),
            Columns.Of(orders, x => x.ConfirmationAttempts, NpgsqlDbType.Integer),
            Columns.Of(orders, x => x.AskedAt, NpgsqlDbType.TimestampTz),
            Columns.Of(orders, x => x.ContentHash, NpgsqlDbType.Bytea),
            Columns.Of(orders, x => x.OccurredAt, NpgsqlDbType.TimestampTz),
            Columns.Of(orders, x => x.PlacedAt, NpgsqlDbType.TimestampTz),
            Columns.Of(orders, x => x.ConfirmedAt, NpgsqlDbType.TimestampTz),
        },
    };

    private static NpgsqlBatchCommand Lines(Guid org, OrderLine[] lines) => new(LinesSql)
    {
        Parameters =
        {
            new() { Value = org },
            Columns.Of(lines, x => x.OrderId, NpgsqlDbType.Uuid),
            Columns.Of(lines, x => x.LineNo, NpgsqlDbType.Integer),
            Columns.Of(lines, x => x.MenuItemId, NpgsqlDbType.Uuid),
            Columns.Of(lines, x => x.Name, NpgsqlDbType.Text),
            Columns.Of(lines, x => Name(x.Kind), NpgsqlDbType.Text),
            Columns.Of(lines, x => x.TargetId, NpgsqlDbType.Uuid),
            Columns.Of(lines, x => x.PiecesPerSale, NpgsqlDbType.Numeric),
            Columns.Of(lines, x => x.Quantity, NpgsqlDbType.Integer),
            Columns.Of(lines, x => x.UnitPriceMinor, NpgsqlDbType.Bigint),
            Columns.Of(lines, x => x.TotalMinor, NpgsqlDbType.Bigint),
            Columns.Of(lines, x => Name(x.TaxClass), NpgsqlDbType.Text),
            Columns.Of(lines, x => x.Category, NpgsqlDbType.Text),
        },
    };

    private static string Name<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());
}
