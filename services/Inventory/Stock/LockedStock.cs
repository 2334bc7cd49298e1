using System.Text.Json;
using Npgsql;
using NpgsqlTypes;
using OpsPlatform.Contracts;

namespace OpsPlatform.Inventory.Stock;

/// <summary>
/// The ingredients one transaction holds locked: stock moves in memory, entry by entry, and is written once at the end.
/// Every transaction locks in id order and locks once, so two of them wait for each other but never both.
/// </summary>
internal sealed class LockedStock
{
    // Not FOR UPDATE: that would also block, and could deadlock with, the foreign-key checks of a recipe being saved.
    private const string LockSql = """
        SELECT id, code, name, unit, stock, reorder_point, unit_cost_minor FROM ingredients WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE
        """;

    private const string UpdateSql = """
        UPDATE ingredients i SET stock = u.stock FROM unnest($1::uuid[], $2::numeric[]) AS u(id, stock) WHERE i.id = u.id
        """;

    private const string LogSql = """
        INSERT INTO stock_log (id, ingredient_id, change_type, quantity_before, quantity_after, quantity_changed,
          reason, reference_type, reference_id, triggered_by, metadata, created_at)
        SELECT id, ingredient_id, change_type, before, after, after - before, reason, reference_type, reference_id, triggered_by, metadata, created_at
        FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::numeric[], $5::numeric[], $6::text[], $7::text[], $8::uuid[], $9::text[], $10::jsonb[], $11::timestamptz[])
          WITH ORDINALITY AS u(id, ingredient_id, change_type, before, after, reason, reference_type, reference_id, triggered_by, metadata, created_at, n)
        ORDER BY n
        """;

    private readonly Dictionary<Guid, Item> _items = [];
    private readonly List<StockLogEntry> _entries = [];

    private LockedStock()
    {
    }

    /// <summary>An ingredient as it stands after the movements so far.</summary>
    public sealed record Item(Guid Id, string Code, string Name, string Unit, decimal Locked, decimal ReorderPoint, decimal UnitCostMinor)
    {
        public decimal Stock { get; set; } = Locked;
    }

    public static async Task<LockedStock> Lock(NpgsqlConnection connection, IEnumerable<Guid> ids, CancellationToken cancel)
    {
        var locked = new LockedStock();
        await using var command = new NpgsqlCommand(LockSql, connection) { Parameters = { new() { Value = ids.Distinct().Order().ToArray() } } };
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            var id = row.GetGuid(0);
            locked._items[id] = new(id, row.GetString(1), row.GetString(2), row.GetString(3), row.GetDecimal(4), row.GetDecimal(5), row.GetDecimal(6));
        }

        return locked;
    }

    /// <returns>Null when there is no such ingredient in the organisation.</returns>
    public Item? Find(Guid id) => _items.GetValueOrDefault(id);

    /// <param name="movement">Names the ingredient, the new quantity and why; what was before is filled in here.</param>
    public StockLogEntry Move(Item item, decimal quantityAfter, Movement movement)
    {
        var entry = new StockLogEntry
        {
            Id = movement.Id ?? Guid.CreateVersion7(),
            IngredientId = item.Id,
            ChangeType = movement.ChangeType,
            QuantityBefore = item.Stock,
            QuantityAfter = quantityAfter,
            QuantityChanged = quantityAfter - item.Stock,
            Reason = movement.Reason,
            ReferenceType = movement.ReferenceType,
            ReferenceId = movement.ReferenceId,
            TriggeredBy = movement.TriggeredBy,
            Metadata = movement.Metadata,
            CreatedAt = movement.At,
        };
        item.Stock = quantityAfter;
        _entries.Add(entry);
        return entry;
    }

    /// <summary>Why stock moves.</summary>
    public sealed record Movement(
        ChangeType ChangeType,
        string? Reason,
        ReferenceType ReferenceType,
        Guid? ReferenceId,
        string? TriggeredBy,
        DateTimeOffset At,
        Guid? Id = null,
        string? Metadata = null);

    /// <summary>The ingredients that stood above their reorder point when locked and no longer do.</summary>
    public IEnumerable<StockLow> Lows() => _items.Values
        .Where(x => x.Locked > x.ReorderPoint && x.Stock <= x.ReorderPoint)
        .Select(x => new StockLow(x.Id, x.Code, x.Stock, x.ReorderPoint, x.Unit));

    /// <summary>Adds one UPDATE for the stock that moved and one INSERT for its log.</summary>
    public void AddTo(NpgsqlBatch batch)
    {
        if (_entries.Count == 0)
        {
            return;
        }

        var moved = _items.Values.Where(x => x.Stock != x.Locked).ToArray();
        batch.BatchCommands.Add(new(UpdateSql)
        {
            Parameters = { Column(moved, x => x.Id, NpgsqlDbType.Uuid), Column(moved, x => x.Stock, NpgsqlDbType.Numeric) },
        });
        batch.BatchCommands.Add(new(LogSql)
        {
            Parameters =
            {
                Column(_entries, x => x.Id, NpgsqlDbType.Uuid),
                Column(_entries, x => x.IngredientId, NpgsqlDbType.Uuid),
                Column(_entries, x => Text(x.ChangeType), NpgsqlDbType.Text),
                Column(_entries, x => x.QuantityBefore, NpgsqlDbType.Numeric),
                Column(_entries, x => x.QuantityAfter, NpgsqlDbType.Numeric),
                Column(_entries, x => x.Reason, NpgsqlDbType.Text),
                Column(_entries, x => Text(x.ReferenceType), NpgsqlDbType.Text),
                Column(_entries, x => x.ReferenceId, NpgsqlDbType.Uuid),
                Column(_entries, x => x.TriggeredBy, NpgsqlDbType.Text),
                Column(_entries, x => x.Metadata, NpgsqlDbType.Jsonb),
                Column(_entries, x => x.CreatedAt, NpgsqlDbType.TimestampTz),
            },
        });
    }

    private static string Text(Enum value) => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());

    private static NpgsqlParameter Column<TRow, T>(IEnumerable<TRow> rows, Func<TRow, T> column, NpgsqlDbType type) =>
        new() { Value = rows.Select(column).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | type };
}
