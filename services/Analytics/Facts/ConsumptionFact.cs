using Npgsql;
using NpgsqlTypes;
using OpsPlatform.Contracts;

namespace OpsPlatform.Analytics.Facts;

/// <summary>What an order consumed, and whether it was given back. Facts of one order may come twice and in any order: given back beats consumed.</summary>
/// <param name="OccurredAt">When the sale took place, which decides the business day.</param>
internal sealed record ConsumptionFact(Guid OrderId, bool IsRestored, DateTimeOffset OccurredAt, IReadOnlyList<IngredientQuantity> Items)
{
    private const string Sql = "SELECT hear_consumption($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

    /// <param name="heardAt">Stands in for the time of the sale where the sender did not tell it.</param>
    public static ConsumptionFact Of(StockConsumed consumed, DateTimeOffset heardAt) =>
        new(consumed.OrderId, false, consumed.OccurredAt ?? heardAt, consumed.Items);

    /// <param name="heardAt">Stands in for the time of the sale where the sender did not tell it.</param>
    public static ConsumptionFact Of(StockRestored restored, DateTimeOffset heardAt) =>
        new(restored.OrderId, true, restored.OccurredAt ?? heardAt, restored.Items);

    public static ConsumptionFact Of(ExportedConsumption exported) =>
        new(exported.Consumed.OrderId, exported.IsRestored, exported.Consumed.OccurredAt ?? DateTimeOffset.UnixEpoch, exported.Consumed.Items);

    /// <summary>Applies all of it in one statement; the transaction at hand holds the organisation from here to its end.</summary>
    /// <param name="buildingOnly">True for what a rebuild read, which the generation shown does not hear.</param>
    public static async Task Apply(NpgsqlConnection connection, IEnumerable<ConsumptionFact> told, bool buildingOnly, CancellationToken cancel)
    {
        // An order that took nothing, or was withdrawn before it could, counts nowhere.
        ConsumptionFact[] facts = [.. told.Where(fact => fact.Items.Count > 0).GroupBy(fact => fact.OrderId).Select(same => same.MaxBy(fact => fact.IsRestored)!)];
        (Guid OrderId, IngredientQuantity Item)[] items = [.. facts.SelectMany(fact => fact.Items.Select(item => (fact.OrderId, item)))];
        await using var command = new NpgsqlCommand(Sql, connection)
        {
            Parameters =
            {
                new() { Value = buildingOnly },
                Column(facts, x => x.OrderId, NpgsqlDbType.Uuid),
                Column(facts, x => x.IsRestored, NpgsqlDbType.Boolean),
                Column(facts, x => x.OccurredAt.ToUniversalTime(), NpgsqlDbType.TimestampTz),
                Column(items, x => x.OrderId, NpgsqlDbType.Uuid),
                Column(items, x => x.Item.IngredientId, NpgsqlDbType.Uuid),
                Column(items, x => x.Item.Unit ?? "", NpgsqlDbType.Text),
                Column(items, x => x.Item.Name, NpgsqlDbType.Text),
                Column(items, x => x.Item.Quantity, NpgsqlDbType.Numeric),
                Column(items, x => x.Item.UnitCostMinor ?? 0, NpgsqlDbType.Numeric),
            },
        };
        await command.ExecuteNonQueryAsync(cancel);
    }

    private static NpgsqlParameter Column<TRow, T>(IEnumerable<TRow> rows, Func<TRow, T> column, NpgsqlDbType type) =>
        new() { Value = rows.Select(column).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | type };
}
