using System.Net;
using System.Text.Json;
using OpsPlatform.Chaos.Load;
using OpsPlatform.Replay.Gateway;
using OpsPlatform.Replay.Reconcile;

namespace OpsPlatform.Chaos.Invariants;

/// <summary>No organisation gets a row of another: not by its id, not in a list, not on the feed.</summary>
internal sealed class NoCrossTenantRow(Books books, IReadOnlyList<Shop> shops, int seed) : IInvariant
{
    private const int RecentOrders = 1_000;
    private const int QuietSamples = 25;
    private const int LatestFrames = 100;
    private readonly Random _random = new(seed);

    private sealed record Row(Guid Id);

    public string Name => "no cross-tenant row";

    public async Task Live(Findings findings, CancellationToken cancel)
    {
        for (var i = 0; i < shops.Count; i++)
        {
            await AskForOthers(shops[i], shops[(i + 1) % shops.Count], findings, cancel);
            await Own(shops[i], "orders", (await shops[i].Client.Get<PageOf<Row>>("orders?limit=50", cancel)).Items, findings, cancel);
            await Feed(shops[i], findings, cancel);
        }
    }

    public async Task Quiet(Findings findings, CancellationToken cancel)
    {
        foreach (var shop in shops)
        {
            foreach (var other in shops.Where(other => other != shop))
            {
                for (var sample = 0; sample < QuietSamples; sample++)
                {
                    await AskForOthers(shop, other, findings, cancel);
                }
            }

            await Own(shop, "orders", await ReadBack.All<Row>(shop.Client, "orders", cancel), findings, cancel);
            Known(shop, "ingredients", shop.Ingredients, await ReadBack.All<Row>(shop.Client, "ingredients", cancel), findings);
            Known(shop, "recipes", shop.Recipes, await ReadBack.All<Row>(shop.Client, "recipes", cancel), findings);
            Known(shop, "menu", shop.Menu.Select(item => item.Id), await ReadBack.All<Row>(shop.Client, "menu", cancel), findings);
            await Feed(shop, findings, cancel);
        }
    }

    private async Task AskForOthers(Shop shop, Shop other, Findings findings, CancellationToken cancel)
    {
        var (ingredient, recipe, item) = (Any(other.Ingredients), Any(other.Recipes), Any(other.Menu).Id);
        List<(HttpMethod, string, object?)> reaches =
        [
            (HttpMethod.Get, $"ingredients/{ingredient}", null),
            (HttpMethod.Post, $"ingredients/{ingredient}/stock", new { changeType = "decrease", quantity = 1, referenceType = "manual" }),
            (HttpMethod.Get, $"recipes/{recipe}", null),
            (HttpMethod.Get, $"menu/{item}", null),
        ];
        if (other.Ledger.Recent(_random, RecentOrders) is { } order)
        {
            reaches.AddRange([(HttpMethod.Get, $"orders/{order}", null), (HttpMethod.Post, $"orders/{order}/cancel", new { })]);
        }

        foreach (var (method, path, body) in reaches)
        {
            var answer = await shop.Client.Send(method, path, body, cancel);
            findings.Compare(Name, $"answer to {shop.Name} at {method} /{path} of {other.Name}", HttpStatusCode.NotFound, answer.Status);
        }
    }

    private T Any<T>(IReadOnlyList<T> all) => all[_random.Next(all.Count)];

    private async Task Own(Shop shop, string list, IEnumerable<Row> rows, Findings findings, CancellationToken cancel)
    {
        var shown = rows.Select(row => row.Id).ToArray();
        var own = await books.Number("orders", "SELECT count(*) FROM orders WHERE id = ANY($1) AND org_id = $2", cancel, shown, shop.Id);
        findings.Compare(Name, $"{shop.Name}: own rows among those /{list} shows", (long)shown.Length, own);
    }

    private void Known(Shop shop, string list, IEnumerable<Guid> own, IEnumerable<Row> shown, Findings findings) =>
        findings.Compare(Name, $"{shop.Name}: what /{list} shows", string.Join(' ', own.Order()), string.Join(' ', shown.Select(row => row.Id).Order()));

    private async Task Feed(Shop shop, Findings findings, CancellationToken cancel)
    {
        var head = (await shop.Client.Get<FeedStats>("sync/stats", cancel)).Head;
        var page = await shop.Client.Get<JsonElement>($"sync/feed?after={Math.Max(0, head - LatestFrames)}&limit={LatestFrames}", cancel);
        foreach (var frame in page.GetProperty("items").EnumerateArray())
        {
            findings.Compare(
                Name, $"{shop.Name}: organisation of the row at position {frame.GetProperty("position")}", shop.Id, frame.GetProperty("data").GetProperty("org_id").GetGuid());
        }
    }
}
