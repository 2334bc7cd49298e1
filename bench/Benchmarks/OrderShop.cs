using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using OpsPlatform.Bench.Frame;

namespace OpsPlatform.Bench.Benchmarks;

/// <summary>One organisation with 200 ingredients whose guests all order the same two dishes, which need the same four ingredients.</summary>
internal sealed class OrderShop(Tenant tenant, byte[] order)
{
    private const int Ingredients = 200;
    private const int PerRecipe = 2;
    private const decimal GramsEach = 50;
    private const decimal OpeningStock = 900_000_000;
    private static readonly TimeSpan DrainPatience = TimeSpan.FromMinutes(5);

    public Tenant Tenant => tenant;

    /// <summary>Answers by status code.</summary>
    public Dictionary<HttpStatusCode, long> Answers { get; } = [];

    public static async Task<OrderShop> Open(BenchSystem system, CancellationToken cancel)
    {
        var tenant = await Tenant.Register(system, "Orders", cancel);
        var items = new Guid[Ingredients / PerRecipe];
        await Parallel.ForAsync(0, items.Length, new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = cancel }, async (dish, stop) =>
        {
            var lines = new List<object>();
            for (var i = 0; i < PerRecipe; i++)
            {
                var code = $"ingredient-{dish}-{i}";
                var ingredient = await tenant.Post("/ingredients", new
                {
                    code,
                    name = code,
                    category = "bench",
                    kind = "ingredient",
                    unit = "g",
                    openingStock = OpeningStock,
                    reorderPoint = 0,
                    usageRate = 0,
                    unitCostMinor = 0.1m,
                }, stop);
                lines.Add(new { ingredientId = ingredient.GetProperty("id").GetGuid(), quantity = GramsEach });
            }

            var name = $"dish-{dish}";
            var recipe = await tenant.Post("/recipes", new { code = name, name, yieldQuantity = 1, yieldUnit = "piece", lines }, stop);
            var item = await tenant.Post("/menu", new
            {
                code = name,
                name,
                kind = "recipe",
                targetId = recipe.GetProperty("id").GetGuid(),
                piecesPerSale = 1,
                priceMinor = 220,
                currency = "GBP",
                taxClass = "zero",
            }, stop);
            items[dish] = item.GetProperty("id").GetGuid();
        });
        var body = new { confirm = true, lines = new[] { new { menuItemId = items[0], quantity = 1 }, new { menuItemId = items[1], quantity = 1 } } };
        return new(tenant, JsonSerializer.SerializeToUtf8Bytes(body));
    }

    /// <summary>Places an order and asks for its confirmation under a key of its own; the answer is read to its end and not looked into.</summary>
    /// <param name="waitSeconds">With it the answer is the decision: 200 says confirmed.</param>
    public async Task<HttpStatusCode> Place(int? waitSeconds, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/orders") { Content = new ByteArrayContent(order) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Add("Idempotency-Key", Guid.NewGuid().ToString());
        if (waitSeconds is { } wait)
        {
            request.Headers.Add("Prefer", $"wait={wait}");
        }

        using var response = await tenant.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
        await response.Content.CopyToAsync(Stream.Null, cancel);
        lock (Answers)
        {
            Answers[response.StatusCode] = Answers.GetValueOrDefault(response.StatusCode) + 1;
        }

        return response.StatusCode;
    }

    public string Answered() => string.Join(", ", Answers.Select(answer => $"{(int)answer.Key} × {answer.Value}"));

    public async Task<(long Confirmed, long Undecided)> Count(CancellationToken cancel)
    {
        var summary = await tenant.Get("/orders/summary", cancel);
        long Of(string state) => summary.GetProperty(state).GetInt64();
        return (Of("confirmed"), Of("placed") + Of("confirming"));
    }

    /// <returns>How long it took until every order was decided.</returns>
    public async Task<TimeSpan> Drain(CancellationToken cancel)
    {
        var since = Stopwatch.GetTimestamp();
        while ((await Count(cancel)).Undecided is > 0 and var left)
        {
            if (Stopwatch.GetElapsedTime(since) > DrainPatience)
            {
                throw new InvalidOperationException($"{left} orders were still undecided after {DrainPatience}.");
            }

            await Task.Delay(100, cancel);
        }

        return Stopwatch.GetElapsedTime(since);
    }

    /// <summary>Every gram that left the stock is in its log, and as much left as was confirmed.</summary>
    /// <exception cref="InvalidOperationException">Something was oversold or lost.</exception>
    public async Task Account(CancellationToken cancel)
    {
        var (confirmed, _) = await Count(cancel);
        var consumed = 0m;
        foreach (var row in (await tenant.Get("/inventory/totals", cancel)).GetProperty("items").EnumerateArray())
        {
            decimal Of(string name) => row.GetProperty(name).GetDecimal();
            if (Of("opening") - Of("consumed") != Of("closing") || Of("closing") < 0)
            {
                throw new InvalidOperationException($"The stock log does not add up: {row}");
            }

            consumed += Of("consumed");
        }

        if (consumed != confirmed * GramsEach * PerRecipe * 2)
        {
            throw new InvalidOperationException($"{confirmed} orders are confirmed, but {consumed} g were consumed.");
        }
    }
}
