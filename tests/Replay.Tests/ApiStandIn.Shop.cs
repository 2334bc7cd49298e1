using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using OpsPlatform.Replay.Recompute;

namespace OpsPlatform.Replay.Tests;

/// <summary>What the stand-in remembers and answers from; its arithmetic starts from what was posted, not from the pack.</summary>
internal sealed partial class ApiStandIn
{
    private readonly Dictionary<Guid, JsonObject> ingredients = [];
    private readonly Dictionary<Guid, JsonObject> recipes = [];
    private readonly Dictionary<Guid, JsonObject> menu = [];
    private readonly Dictionary<Guid, JsonObject> orders = [];
    private readonly Dictionary<Guid, (decimal Opening, decimal Consumed)> stock = [];
    private readonly Dictionary<Guid, string> contents = [];
    private readonly List<(string Type, Guid Id)> feed = [];

    private (int, JsonNode?) Create(string type, Dictionary<Guid, JsonObject> things, JsonObject body, Action<JsonObject> made, int status = 201)
    {
        var id = IdOf(body);
        var content = body.ToJsonString();

        if (contents.TryGetValue(id, out var before))
        {
            return before == content ? (200, things[id].DeepClone()) : (409, Problem("id-taken"));
        }

        contents[id] = content;
        things[id] = body;
        feed.Add((type, id));
        Created++;
        made(body);

        return (status, things[id].DeepClone());
    }

    private void Decide(JsonObject order)
    {
        var demand = new Dictionary<Guid, Rational>();
        var totalMinor = 0L;

        foreach (var line in order["lines"]!.AsArray())
        {
            var item = menu[line!["menuItemId"]!.GetValue<Guid>()];
            var quantity = line["quantity"]!.GetValue<int>();
            totalMinor += item["priceMinor"]!.GetValue<long>() * quantity;

            if (item["kind"]!.GetValue<string>() != "service")
            {
                Explode(item["targetId"]!.GetValue<Guid>(), quantity * (Rational)item["piecesPerSale"]!.GetValue<decimal>(), demand);
            }
        }

        var needed = demand.ToDictionary(d => d.Key, d => d.Value.Round(6) + ExtraConsumption);
        var confirmed = needed.All(n => stock[n.Key].Opening - stock[n.Key].Consumed >= n.Value);

        foreach (var (id, quantity) in confirmed ? needed : [])
        {
            stock[id] = stock[id] with { Consumed = stock[id].Consumed + quantity };
        }

        order["status"] = confirmed ? "confirmed" : "rejected";
        order["currency"] = Currency;
        order["totalMinor"] = totalMinor;
    }

    private void Explode(Guid target, Rational quantity, Dictionary<Guid, Rational> demand)
    {
        if (ingredients.ContainsKey(target))
        {
            demand[target] = demand.GetValueOrDefault(target) + quantity;
            return;
        }

        foreach (var line in recipes[target]["lines"]!.AsArray())
        {
            var part = (line!["ingredientId"] ?? line["recipeId"])!.GetValue<Guid>();
            Explode(part, quantity * line["quantity"]!.GetValue<decimal>() / recipes[target]["yieldQuantity"]!.GetValue<decimal>(), demand);
        }
    }

    private JsonObject Summary()
    {
        var confirmed = orders.Values.Where(o => o["status"]!.GetValue<string>() == "confirmed").ToList();

        return new JsonObject
        {
            ["placed"] = 0,
            ["confirming"] = 0,
            ["confirmed"] = confirmed.Count,
            ["rejected"] = orders.Count - confirmed.Count,
            ["cancelling"] = 0,
            ["cancelled"] = 0,
            ["completed"] = 0,
            ["revenueMinor"] = confirmed.Sum(o => o["totalMinor"]!.GetValue<long>()),
        };
    }

    private JsonObject Sales() => new()
    {
        ["sales"] = new JsonArray(new JsonObject
        {
            ["currency"] = "GBP",
            ["tickets"] = Summary()["confirmed"]!.GetValue<int>(),
            ["revenueMinor"] = Summary()["revenueMinor"]!.GetValue<long>() + ExtraRevenueMinor,
        }),
    };

    private JsonNode Totals(JsonObject ingredient)
    {
        var (opening, consumed) = stock[IdOf(ingredient)];

        return new JsonObject
        {
            ["ingredientId"] = IdOf(ingredient),
            ["code"] = ingredient["code"]!.DeepClone(),
            ["opening"] = opening,
            ["increased"] = 0,
            ["decreased"] = 0,
            ["adjusted"] = 0,
            ["consumed"] = consumed,
            ["restored"] = 0,
            ["closing"] = opening - consumed,
        };
    }

    private JsonObject FeedStats()
    {
        var services = feed.Select(f => ServiceOf(f.Type)).CountBy(s => s);

        return new JsonObject
        {
            ["head"] = feed.Count,
            ["entries"] = feed.Count,
            ["services"] = new JsonArray([.. services.Select(s => new JsonObject { ["service"] = s.Key, ["entries"] = s.Value })]),
        };
    }

    private JsonObject FeedPage(HttpRequest request)
    {
        var after = int.Parse(request.Query["after"]!);
        var frames = feed.Select((f, i) => (f.Type, f.Id, Position: i + 1)).Skip(after).Take(int.Parse(request.Query["limit"]!));

        return new JsonObject
        {
            ["head"] = feed.Count,
            ["items"] = new JsonArray([.. frames.Where(f => !LosesFeedEntry || f.Position != 17).Select(f => new JsonObject
            {
                ["position"] = f.Position, ["id"] = f.Id, ["service"] = ServiceOf(f.Type), ["entityType"] = f.Type, ["entityId"] = f.Id,
                ["rowVersion"] = 1, ["operation"] = "create",
            })]),
        };
    }

    private static JsonObject Page(HttpRequest request, IReadOnlyList<JsonObject> all)
    {
        var from = int.TryParse(request.Query["cursor"], out var cursor) ? cursor : 0;
        var size = Math.Min(50, int.Parse(request.Query["limit"]!));

        return new JsonObject
        {
            ["items"] = new JsonArray([.. all.Skip(from).Take(size).Select(o => o.DeepClone())]),
            ["nextCursor"] = from + size < all.Count ? (from + size).ToString() : null,
        };
    }
}
