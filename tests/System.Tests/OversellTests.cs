using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;

namespace OpsPlatform.System.Tests;

[Collection(nameof(SystemCollection))]
public sealed class OversellTests(RunningSystem system)
{
    [Fact]
    public async Task Of_four_times_as_many_parallel_orders_as_there_is_stock_for_exactly_the_possible_ones_are_confirmed()
    {
        const int Possible = 60;
        const int GramsEach = 50;
        using var organisation = await system.Register("Oversell");
        var butter = await organisation.Post("/ingredients", Shop.Ingredient("butter", Possible * GramsEach));
        var flour = await organisation.Post("/ingredients", Shop.Ingredient("flour", 1_000_000));
        var croissant = await Shop.MenuItem(organisation, "croissant", (flour.GetProperty("id").GetGuid(), 80m), (butter.GetProperty("id").GetGuid(), GramsEach));
        var roll = await Shop.MenuItem(organisation, "roll", (flour.GetProperty("id").GetGuid(), 60m), (butter.GetProperty("id").GetGuid(), GramsEach));

        var answers = new ConcurrentBag<HttpStatusCode>();
        await Parallel.ForAsync(0, 4 * Possible, new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (i, cancel) =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/orders")
            {
                Content = JsonContent.Create(new { confirm = true, lines = new[] { new { menuItemId = i % 2 == 0 ? croissant : roll, quantity = 1 } } }),
            };
            request.Headers.Add("Prefer", "wait=20");
            answers.Add((await organisation.Client.SendAsync(request, cancel)).StatusCode);
        });

        answers.Count(status => status == HttpStatusCode.OK).ShouldBe(Possible);
        answers.Count(status => status == HttpStatusCode.Conflict).ShouldBe(3 * Possible);
        (await organisation.Get($"/ingredients/{butter.GetProperty("id").GetGuid()}")).GetProperty("stock").GetDecimal().ShouldBe(0);
        (await organisation.Get("/orders/summary")).GetProperty("confirmed").GetInt64().ShouldBe(Possible);
    }

    [Fact]
    public async Task Orders_cancelled_while_they_are_confirmed_give_back_what_they_took()
    {
        using var organisation = await system.Register("Cancel race");
        var milk = await organisation.Post("/ingredients", Shop.Ingredient("milk", 10_000));
        var latte = await Shop.MenuItem(organisation, "latte", (milk.GetProperty("id").GetGuid(), 100m));
        await Parallel.ForAsync(0, 50, new ParallelOptions { MaxDegreeOfParallelism = 25 }, async (_, cancel) =>
        {
            var order = await organisation.Post("/orders", new { confirm = true, lines = new[] { new { menuItemId = latte, quantity = 1 } } });
            var path = $"/orders/{order.GetProperty("id").GetGuid()}/cancel";
            var twice = await Task.WhenAll(organisation.Client.PostAsync(path, null, cancel), organisation.Client.PostAsync(path, null, cancel));
            twice.ShouldAllBe(response => response.StatusCode == HttpStatusCode.Accepted || response.StatusCode == HttpStatusCode.OK);
        });

        await Eventually.Is(async () => (await organisation.Get("/orders/summary")).GetProperty("cancelled").GetInt64(), cancelled => cancelled == 50);
        (await organisation.Get($"/ingredients/{milk.GetProperty("id").GetGuid()}")).GetProperty("stock").GetDecimal().ShouldBe(10_000);
    }
}

internal static class Shop
{
    public static object Ingredient(string code, decimal stock) => new
    {
        code,
        name = code,
        category = "test",
        kind = "ingredient",
        unit = "g",
        openingStock = stock,
        reorderPoint = 0,
        maximumStock = (decimal?)null,
        usageRate = 0,
        unitCostMinor = 0.1m,
        allergen = (string?)null,
    };

    /// <summary>A recipe of one piece and the menu item that sells it.</summary>
    public static async Task<Guid> MenuItem(Organisation organisation, string code, params (Guid Ingredient, decimal Quantity)[] lines)
    {
        var recipe = await organisation.Post("/recipes", new
        {
            code,
            name = code,
            yieldQuantity = 1,
            yieldUnit = "piece",
            lines = lines.Select(line => new { ingredientId = line.Ingredient, quantity = line.Quantity }),
        });
        var item = await organisation.Post("/menu", new
        {
            code,
            name = code,
            kind = "recipe",
            targetId = recipe.GetProperty("id").GetGuid(),
            piecesPerSale = 1,
            priceMinor = 220,
            currency = "GBP",
            taxClass = "zero",
        });
        return item.GetProperty("id").GetGuid();
    }
}
