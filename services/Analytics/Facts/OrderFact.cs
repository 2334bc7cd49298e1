using Npgsql;
using NpgsqlTypes;
using OpsPlatform.Contracts;

namespace OpsPlatform.Analytics.Facts;

/// <summary>The last thing known about an order. Facts of one order may come twice and in any order: cancelled beats rejected beats confirmed.</summary>
/// <param name="OccurredAt">When the sale took place, which decides its business day; null when nobody told it yet.</param>
/// <param name="Sale">What was sold; null where the order was withdrawn or refused.</param>
internal sealed record OrderFact(Guid OrderId, string State, DateTimeOffset? OccurredAt, OrderConfirmed? Sale)
{
    public const string Confirmed = "confirmed";
    public const string Rejected = "rejected";
    public const string Cancelled = "cancelled";

    private static readonly string[] Ranked = [Confirmed, Rejected, Cancelled];

    private const string Sql = """
        SELECT hear_orders($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
        """;

    public static OrderFact Of(OrderConfirmed sale) => new(sale.OrderId, Confirmed, sale.OccurredAt, sale);

    public static OrderFact Of(ExportedOrder order) => new(order.Order.OrderId, order.State, order.Order.OccurredAt, order.Order);

    /// <summary>Applies all of it in one statement; the transaction at hand holds the organisation from here to its end.</summary>
    /// <param name="buildingOnly">True for what a rebuild read, which the generation shown does not hear.</param>
    public static async Task Apply(NpgsqlConnection connection, IEnumerable<OrderFact> told, bool buildingOnly, CancellationToken cancel)
    {
        OrderFact[] facts = [.. told.GroupBy(fact => fact.OrderId).Select(same => same.MaxBy(fact => Array.IndexOf(Ranked, fact.State))!)];
        (Guid OrderId, int LineNo, SoldLine Line)[] lines =
        [
            .. facts.SelectMany(fact => (fact.Sale?.Lines ?? []).Select((line, index) => (fact.OrderId, index + 1, line))),
        ];
        await using var command = new NpgsqlCommand(Sql, connection)
        {
            Parameters =
            {
                new() { Value = buildingOnly },
                Column(facts, x => x.OrderId, NpgsqlDbType.Uuid),
                Column(facts, x => x.State, NpgsqlDbType.Text),
                Column(facts, x => x.OccurredAt?.ToUniversalTime(), NpgsqlDbType.TimestampTz),
                Column(facts, x => x.Sale?.CustomerId, NpgsqlDbType.Uuid),
                Column(facts, x => x.Sale?.Currency ?? "", NpgsqlDbType.Text),
                Column(facts, x => x.Sale?.TotalMinor ?? 0, NpgsqlDbType.Bigint),
                Column(lines, x => x.OrderId, NpgsqlDbType.Uuid),
                Column(lines, x => x.LineNo, NpgsqlDbType.Integer),
                Column(lines, x => x.Line.MenuItemId, NpgsqlDbType.Uuid),
                Column(lines, x => x.Line.Name, NpgsqlDbType.Text),
                Column(lines, x => x.Line.Category ?? "", NpgsqlDbType.Text),
                Column(lines, x => x.Line.Quantity, NpgsqlDbType.Integer),
                Column(lines, x => x.Line.TotalMinor, NpgsqlDbType.Bigint),
                Column(lines, x => x.Line.TaxClass, NpgsqlDbType.Text),
            },
        };
        await command.ExecuteNonQueryAsync(cancel);
    }

    private static NpgsqlParameter Column<TRow, T>(IEnumerable<TRow> rows, Func<TRow, T> column, NpgsqlDbType type) =>
        new() { Value = rows.Select(column).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | type };
}
