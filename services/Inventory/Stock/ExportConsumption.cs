using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Inventory.Stock;

/// <summary>
/// What every order of the organisation consumed, by order id, and whether it was given back. An order's place never changes, so
/// whoever pages while stock moves misses nothing that was decided before the first page.
/// </summary>
internal static class ExportConsumption
{
    private const int DefaultLimit = 500;
    private const int MaxLimit = 1000;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    private sealed record Row(Guid OrderId, string State, string Consumed, DateTimeOffset OccurredAt);

    public static async Task<ConsumptionExportPage> Handle(string? after, int? limit, InventoryDb db, CancellationToken cancel)
    {
        var size = limit switch
        {
            null => DefaultLimit,
            >= 1 and <= MaxLimit => limit.Value,
            _ => throw new BadHttpRequestException($"limit must be from 1 to {MaxLimit}."),
        };
        var last = Paging.Decode<Guid?>(after);
        var rows = await db.Database.SqlQuery<Row>(
            $"""
            SELECT order_id AS "OrderId", state AS "State", consumed::text AS "Consumed", coalesce(occurred_at, decided_at) AS "OccurredAt"
            FROM stock_decisions
            WHERE org_id = (SELECT current_org()) AND ({last}::uuid IS NULL OR order_id > {last}) AND state IN ('consumed', 'restored')
            ORDER BY order_id LIMIT {size + 1}
            """).ToListAsync(cancel);
        var page = Paging.Cut(rows, size, x => (Guid?)x.OrderId);
        var total = after is null
            ? await db.Database.SqlQuery<long>(
                $"""SELECT count(*) AS "Value" FROM stock_decisions WHERE org_id = (SELECT current_org()) AND state IN ('consumed', 'restored')""").SingleAsync(cancel)
            : (long?)null;
        return new([.. page.Items.Select(Exported)], page.NextCursor, total);
    }

    private static ExportedConsumption Exported(Row row) => new(
        row.State == "restored",
        new(row.OrderId, JsonSerializer.Deserialize<IReadOnlyList<IngredientQuantity>>(row.Consumed, Json)!, row.OccurredAt));
}
