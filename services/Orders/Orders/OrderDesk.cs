using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using OpsPlatform.Orders.Menu;
using OpsPlatform.ServiceDefaults.Messaging;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.Orders.Orders;

/// <summary>
/// Stores new orders. Written by hand because it is the busiest path: one batch reads what is needed, a second one,
/// a transaction by itself unless the request is one, writes order, lines, customer and messages.
/// </summary>
internal sealed class OrderDesk(OrdersDb db, OrderNumbers numbers, Caller caller, RelaySignal relay)
{
    public readonly record struct Placement(Order? Order, bool IsNew, ProblemHttpResult? Refusal);

    private sealed record Known(long Number, IReadOnlyDictionary<Guid, MenuItem> Menu, byte[]? StoredHash);

    /// <summary>
    /// A number is taken last, so that the organisation's other orders wait for little, and only for an order that is new and can be:
    /// the subquery is evaluated once and, refused by its HAVING, not at all.
    /// </summary>
    private const string MenuAndNumberSql = """
        WITH item AS MATERIALIZED (
            SELECT id, code, name, kind, target_id, pieces_per_sale, price_minor, currency, tax_class, category
            FROM menu_items WHERE org_id = $1 AND id = ANY($3)
        )
        SELECT item.*, (
            SELECT next_order_number() FROM item
            HAVING count(*) = cardinality($3) AND count(DISTINCT currency) = 1 AND NOT EXISTS (SELECT FROM orders WHERE org_id = $1 AND id = $2))
        FROM item
        """;

    private const int NumberColumn = 10;

    /// <returns>The order, new or the one the same request made before; or why it is refused, with nothing stored.</returns>
    public async Task<Placement> Place(OrderDraft draft, CancellationToken cancel)
    {
        await db.Database.OpenConnectionAsync(cancel);
        try
        {
            var connection = db.Connection;
            var known = await Look(connection, draft, cancel);
            if (known.StoredHash is not null)
            {
                return await Repeated(draft, known.StoredHash, cancel);
            }

            if (Refusal(draft, known) is { } refusal)
            {
                return new(null, false, refusal);
            }

            var order = Write(draft, known);
            if (await TryStore(connection, order, draft, cancel))
            {
                return new(order, true, null);
            }

            var hash = await db.Orders.Where(x => x.Id == draft.Id).Select(x => x.ContentHash).SingleAsync(cancel);
            return await Repeated(draft, hash, cancel);
        }
        finally
        {
            await db.Database.CloseConnectionAsync();
        }
    }

    private async Task<bool> TryStore(NpgsqlConnection connection, Order order, OrderDraft draft, CancellationToken cancel)
    {
        if (!db.IsWithinRequest)
        {
            var isStored = await OrderInsert.TryStore(connection, caller, order, draft, cancel);
            if (isStored)
            {
                relay.Wake();
            }

            return isStored;
        }

        // Undone by itself when the id is taken: the request's transaction goes on to read whose it is.
        await using var part = await db.Database.BeginTransactionAsync(cancel);
        if (!await OrderInsert.TryStore(connection, caller, order, draft, cancel))
        {
            return false;
        }

        await part.CommitAsync(cancel);
        return true;
    }

    private async Task<Placement> Repeated(OrderDraft draft, byte[] storedHash, CancellationToken cancel) =>
        storedHash.AsSpan().SequenceEqual(draft.ContentHash)
            ? new(await db.Orders.AsNoTracking().Include(x => x.Lines).FirstAsync(x => x.Id == draft.Id, cancel), false, null)
            : new(null, false, Problems.IdTaken(draft.Id));

    private static ProblemHttpResult? Refusal(OrderDraft draft, Known known)
    {
        var unknown = draft.Lines.Where(line => !known.Menu.ContainsKey(line.MenuItemId)).Select(line => line.MenuItemId).ToArray();
        if (unknown.Length > 0)
        {
            return Problems.UnknownMenuItem(unknown);
        }

        var currencies = known.Menu.Values.Select(item => item.Currency).Distinct().ToArray();
        if (currencies.Length > 1)
        {
            return Problems.MixedCurrencies(currencies);
        }

        // 200 lines of 10,000 pieces at the highest price stay far inside 128 bits.
        var total = draft.Lines.Aggregate(Int128.Zero, (sum, line) => sum + ((Int128)known.Menu[line.MenuItemId].PriceMinor * line.Quantity));
        return total > long.MaxValue ? Problems.OrderTooLarge() : null;
    }

    private async Task<Known> Look(NpgsqlConnection connection, OrderDraft draft, CancellationToken cancel)
    {
        // Taken within the request's transaction, a number would make the organisation's other orders wait for its end.
        await using var apart = db.IsWithinRequest ? await numbers.Open(cancel) : null;
        await using var batch = new NpgsqlBatch(apart ?? connection);
        if (apart is not null)
        {
            batch.BatchCommands.Add(Tenant.ForTransaction(caller.Org));
        }

        if (draft.HasChosenId)
        {
            batch.BatchCommands.Add(new("SELECT content_hash FROM orders WHERE org_id = $1 AND id = $2")
            {
                Parameters = { new() { Value = caller.Org }, new() { Value = draft.Id } },
            });
        }

        batch.BatchCommands.Add(new(MenuAndNumberSql)
        {
            Parameters = { new() { Value = caller.Org }, new() { Value = draft.Id }, new() { Value = draft.Lines.Select(line => line.MenuItemId).ToArray() } },
        });

        await using var reader = await batch.ExecuteReaderAsync(cancel);
        if (apart is not null)
        {
            await reader.NextResultAsync(cancel);
        }

        var stored = draft.HasChosenId && await reader.ReadAsync(cancel) ? reader.GetFieldValue<byte[]>(0) : null;
        if (draft.HasChosenId)
        {
            await reader.NextResultAsync(cancel);
        }

        var menu = new Dictionary<Guid, MenuItem>();
        var number = 0L;
        while (await reader.ReadAsync(cancel))
        {
            var item = ReadMenuItem(reader);
            menu.Add(item.Id, item);
            number = reader.IsDBNull(NumberColumn) ? 0 : reader.GetInt64(NumberColumn);
        }

        return new(number, menu, stored);
    }

    private MenuItem ReadMenuItem(NpgsqlDataReader reader) => new()
    {
        OrgId = caller.Org,
        Id = reader.GetGuid(0),
        Code = reader.GetString(1),
        Name = reader.GetString(2),
        Kind = Enum.Parse<MenuKind>(reader.GetString(3), ignoreCase: true),
        TargetId = reader.IsDBNull(4) ? null : reader.GetGuid(4),
        PiecesPerSale = reader.GetDecimal(5),
        PriceMinor = reader.GetInt64(6),
        Currency = reader.GetString(7),
        TaxClass = Enum.Parse<TaxClass>(reader.GetString(8), ignoreCase: true),
        Category = reader.IsDBNull(9) ? null : reader.GetString(9),
    };

    private Order Write(OrderDraft draft, Known known)
    {
        var lines = draft.Lines.Select((line, index) => Line(draft.Id, index + 1, line.Quantity, known.Menu[line.MenuItemId])).ToList();
        var order = new Order
        {
            OrgId = caller.Org,
            Id = draft.Id,
            Number = known.Number,
            Currency = known.Menu.Values.First().Currency,
            TotalMinor = lines.Sum(line => line.TotalMinor),
            Note = draft.Note,
            NeedsStock = lines.Exists(line => line.Kind != MenuKind.Service),
            ContentHash = draft.ContentHash,
            OccurredAt = draft.OccurredAt,
            PlacedAt = draft.PlacedAt,
            Lines = lines,
        };
        if (draft.Confirm)
        {
            order.TryConfirm(Guid.CreateVersion7(draft.PlacedAt), draft.PlacedAt);
        }

        return order;
    }

    private OrderLine Line(Guid orderId, int lineNo, int quantity, MenuItem item) => new()
    {
        OrgId = caller.Org,
        OrderId = orderId,
        LineNo = lineNo,
        MenuItemId = item.Id,
        Name = item.Name,
        Kind = item.Kind,
        TargetId = item.TargetId,
        PiecesPerSale = item.PiecesPerSale,
        Quantity = quantity,
        UnitPriceMinor = item.PriceMinor,
        TotalMinor = item.PriceMinor * quantity,
        TaxClass = item.TaxClass,
        Category = item.Category,
    };
}
