using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using OpsPlatform.Analytics.Settings;
using OpsPlatform.ServiceDefaults.Http;

namespace OpsPlatform.Analytics.Consumption;

internal enum ConsumptionBy
{
    Ingredient,
    Day,
}

/// <summary>What orders took from stock in a period, per ingredient, or per business day and ingredient. A sale's day decides, not the hour of its booking.</summary>
internal static class ListConsumption
{
    /// <param name="Day">By day only.</param>
    /// <param name="Unit">That of the quantities; an ingredient whose unit was changed has a row for each.</param>
    /// <param name="Consumed">All that orders took.</param>
    /// <param name="Restored">What cancelled ones of them gave back.</param>
    /// <param name="CostMinor">Of what was consumed and not restored, at the unit cost when it was consumed, rounded to 1/100 minor unit.</param>
    /// <param name="Currency">The organisation's; null until it is known.</param>
    public sealed record ConsumptionResponse(
        DateOnly? Day, Guid IngredientId, string? Name, string Unit, long Orders, decimal Consumed, decimal Restored, decimal CostMinor, string? Currency);

    internal sealed record Key(DateOnly? Day, Guid IngredientId, string Unit);

    public static async Task<Ok<Page<ConsumptionResponse>>> Handle(
        DateOnly? from, DateOnly? to, Named<ConsumptionBy>? by, int? limit, string? cursor, AnalyticsDb db, TimeProvider time, CancellationToken cancel)
    {
        var size = Paging.Limit(limit);
        var counting = await Counting.Of(db, time, cancel);
        var period = counting.Period(from, to);
        var isByDay = by?.Value == ConsumptionBy.Day;
        var after = Paging.Decode<Key>(cursor);
        var (day, ingredient, unit) = after ?? new(isByDay ? period.From : null, Guid.Empty, "");
        var rows = await db.Database.SqlQuery<ConsumptionResponse>(
            $"""
            SELECT c.day AS "Day", c.ingredient_id AS "IngredientId", n.name AS "Name", c.unit AS "Unit", c.orders AS "Orders", c.consumed AS "Consumed",
              c.restored AS "Restored", c.cost AS "CostMinor", {counting.Currency} AS "Currency"
            FROM (
              SELECT CASE WHEN {isByDay} THEN day END AS day, ingredient_id, unit, sum(orders)::bigint AS orders, sum(consumed) AS consumed,
                sum(restored) AS restored, round(sum(cost_minor), 2) AS cost
              FROM consumption_by_day
              WHERE org_id = (SELECT current_org()) AND generation = {counting.Generation} AND day BETWEEN {period.From} AND {period.To}
              GROUP BY 1, ingredient_id, unit) AS c
            LEFT JOIN ingredient_names n ON n.org_id = (SELECT current_org()) AND n.ingredient_id = c.ingredient_id
            WHERE {after == null} OR (coalesce(c.day, {period.From}), c.ingredient_id, c.unit) > ({day ?? period.From}, {ingredient}, {unit})
            ORDER BY c.day, c.ingredient_id, c.unit LIMIT {size + 1}
            """).ToListAsync(cancel);
        return TypedResults.Ok(Paging.Cut(rows, size, x => new Key(x.Day, x.IngredientId, x.Unit)));
    }
}
