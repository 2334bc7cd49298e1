using System.Text.Json;

namespace OpsPlatform.System.Tests;

/// <summary>What analytics shows of an organisation beside what the owners say.</summary>
internal static class Analytics
{
    private const int DaysAsked = 400;

    public static Task<List<JsonElement>> Orders(Organisation organisation) => All(organisation, "/orders");

    /// <summary>Tickets, revenue and pieces per item equal the confirmed orders; consumption equals the stock log's totals, ingredient by ingredient.</summary>
    public static async Task EqualsOrdersAndStock(Organisation organisation)
    {
        await Eventually.Is(
            () => organisation.Get("/orders/summary"), x => x.GetProperty("confirming").GetInt64() + x.GetProperty("cancelling").GetInt64() == 0);
        var orders = await Orders(organisation);
        var standing = orders.Where(order => order.GetProperty("status").GetString() is "confirmed" or "completed").ToList();
        var first = DateOnly.FromDateTime(orders.Min(order => order.GetProperty("occurredAt").GetDateTimeOffset()).UtcDateTime).AddDays(-1);
        var period = $"from={first:yyyy-MM-dd}&to={first.AddDays(DaysAsked - 1):yyyy-MM-dd}";

        var summary = await Eventually.Is(
            () => organisation.Get($"/analytics/summary?{period}"),
            x => x.GetProperty("confirmed").GetInt64() == standing.Count && x.GetProperty("cancelled").GetInt64() == Count(orders, "cancelled"));
        summary.GetProperty("rejected").GetInt64().ShouldBe(Count(orders, "rejected"));
        summary.GetProperty("sales")[0].GetProperty("revenueMinor").GetDecimal().ShouldBe(standing.Sum(order => order.GetProperty("totalMinor").GetDecimal()));

        var pieces = standing.SelectMany(order => order.GetProperty("lines").EnumerateArray())
            .GroupBy(line => line.GetProperty("menuItemId").GetGuid(), line => line.GetProperty("quantity").GetInt64())
            .ToDictionary(item => item.Key, item => item.Sum());
        (await All(organisation, $"/analytics/sales?{period}&by=item"))
            .ToDictionary(row => row.GetProperty("menuItemId").GetGuid(), row => row.GetProperty("quantity").GetInt64())
            .ShouldBe(pieces, ignoreOrder: true);

        var totals = (await organisation.Get("/inventory/totals")).GetProperty("items").EnumerateArray()
            .Where(row => row.GetProperty("consumed").GetDecimal() > 0)
            .ToDictionary(row => row.GetProperty("ingredientId").GetGuid(), row => (row.GetProperty("consumed").GetDecimal(), row.GetProperty("restored").GetDecimal()));
        await Eventually.Is(async () => (await All(organisation, $"/analytics/consumption?{period}"))
            .ToDictionary(row => row.GetProperty("ingredientId").GetGuid(), row => (row.GetProperty("consumed").GetDecimal(), row.GetProperty("restored").GetDecimal()))
            is var counted && counted.Count == totals.Count && counted.All(row => totals[row.Key] == row.Value));
    }

    private static long Count(IEnumerable<JsonElement> orders, string status) => orders.Count(order => order.GetProperty("status").GetString() == status);

    private static async Task<List<JsonElement>> All(Organisation organisation, string path)
    {
        List<JsonElement> all = [];
        for (string? cursor = null; ;)
        {
            var page = await organisation.Get($"{path}{(path.Contains('?') ? '&' : '?')}limit=200{(cursor is null ? "" : $"&cursor={cursor}")}");
            all.AddRange(page.GetProperty("items").EnumerateArray());
            if ((cursor = page.GetProperty("nextCursor").GetString()) is null)
            {
                return all;
            }
        }
    }
}
