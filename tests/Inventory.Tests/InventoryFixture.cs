using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using OpsPlatform.Inventory.Tests;
using OpsPlatform.Testing;

[assembly: AssemblyFixture(typeof(InventoryFixture))]

namespace OpsPlatform.Inventory.Tests;

public sealed class InventoryFixture() : ServiceFixture("inventory", typeof(InventoryDb))
{
    public VotesStandIn Votes { get; } = new();

    protected override IEnumerable<(string Key, string Value)> Settings => [("services:operations:http:0", Votes.Address)];

    public Tenant NewTenant() => new(this, Guid.NewGuid());
}

/// <summary>A second instance of the service on the first one's database and broker.</summary>
public sealed class Replica(InventoryFixture first) : ServiceFixture("inventory", typeof(InventoryDb))
{
    protected override IEnumerable<(string Key, string Value)> Settings =>
    [
        ("ConnectionStrings:inventorydb", first.Services.GetRequiredService<IConfiguration>()["ConnectionStrings:inventorydb"]!),
        ("ConnectionStrings:messaging", first.Messaging.ToString()),
    ];
}

/// <summary>One organisation of its own, so that tests never meet.</summary>
public sealed class Tenant(InventoryFixture fixture, Guid org)
{
    public Guid Org => org;

    public InventoryFixture Fixture => fixture;

    public HttpClient Client { get; } = fixture.Client(org);

    public HttpClient As(string role) => fixture.Client(org, role);

    public static JsonObject Ingredient(string code, decimal openingStock = 0) => new()
    {
        ["id"] = Guid.NewGuid().ToString(),
        ["code"] = code,
        ["name"] = $"Name of {code}",
        ["category"] = "dry",
        ["kind"] = "ingredient",
        ["unit"] = "g",
        ["openingStock"] = openingStock,
        ["reorderPoint"] = 0,
        ["maximumStock"] = null,
        ["usageRate"] = 0,
        ["unitCostMinor"] = 0.25,
        ["allergen"] = null,
    };

    public static JsonObject Recipe(string code, decimal yield, params (string Member, Guid Id, decimal Quantity)[] lines) => new()
    {
        ["id"] = Guid.NewGuid().ToString(),
        ["code"] = code,
        ["name"] = $"Name of {code}",
        ["yieldQuantity"] = yield,
        ["yieldUnit"] = "piece",
        ["lines"] = new JsonArray([.. lines.Select(x => new JsonObject { [x.Member] = x.Id.ToString(), ["quantity"] = x.Quantity })]),
    };

    public static (string, Guid, decimal) Of(Guid ingredient, decimal quantity) => ("ingredientId", ingredient, quantity);

    public static (string, Guid, decimal) OfRecipe(Guid recipe, decimal pieces) => ("recipeId", recipe, pieces);

    public async Task<Guid> HasIngredient(string code, decimal openingStock, Action<JsonObject>? change = null)
    {
        var body = Ingredient(code, openingStock);
        change?.Invoke(body);
        (await Client.PostAsJsonAsync("/ingredients", body)).EnsureSuccessStatusCode();
        return Guid.Parse((string)body["id"]!);
    }

    public async Task<Guid> HasRecipe(string code, decimal yield, params (string, Guid, decimal)[] lines)
    {
        var body = Recipe(code, yield, lines);
        (await Client.PostAsJsonAsync("/recipes", body)).EnsureSuccessStatusCode();
        return Guid.Parse((string)body["id"]!);
    }

    public async Task<JsonNode> Get(string path) => (await Client.GetFromJsonAsync<JsonNode>(path))!;

    public async Task<decimal> StockOf(Guid ingredient) => (decimal)(await Get($"/ingredients/{ingredient}"))["stock"]!;

    public async Task<IReadOnlyList<JsonNode>> Log(string query = "")
    {
        List<JsonNode> entries = [];
        for (string? cursor = null; ;)
        {
            var page = await Get($"/inventory/log?limit=200{query}{(cursor is null ? "" : $"&cursor={cursor}")}");
            entries.AddRange(page["items"]!.AsArray()!);
            cursor = (string?)page["nextCursor"];
            if (cursor is null)
            {
                return entries;
            }
        }
    }

    /// <summary>Every ingredient's log adds up to its stock.</summary>
    public async Task LogAddsUp()
    {
        foreach (var x in (await Get("/inventory/totals"))["items"]!.AsArray())
        {
            ((decimal)x!["opening"]! + (decimal)x["increased"]! - (decimal)x["decreased"]! + (decimal)x["adjusted"]! - (decimal)x["consumed"]! + (decimal)x["restored"]!)
                .ShouldBe((decimal)x["closing"]!, $"of {x["code"]}");
        }
    }
}

internal static class Answers
{
    public static async Task<string> ProblemType(this HttpResponseMessage answer)
    {
        answer.Content.Headers.ContentType?.MediaType.ShouldBe("application/problem+json");
        return ((string)(await answer.Body())["type"]!).Split('/')[^1];
    }

    public static async Task<JsonNode> Body(this HttpResponseMessage answer) => JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;

    public static async Task ShouldRefuse(this HttpResponseMessage answer, int status, string slug)
    {
        ((int)answer.StatusCode).ShouldBe(status);
        (await answer.ProblemType()).ShouldBe(slug);
    }
}
