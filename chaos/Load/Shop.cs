using OpsPlatform.Replay.Gateway;

namespace OpsPlatform.Chaos.Load;

/// <param name="Needs">What selling it once takes from stock, by ingredient.</param>
internal sealed record Sellable(Guid Id, long PriceMinor, IReadOnlyDictionary<Guid, decimal> Needs);

/// <summary>An organisation that came in through the front door, with a few dishes whose needs are known here by heart.</summary>
internal sealed class Shop : IDisposable
{
    private const decimal Plenty = 900_000_000;

    /// <summary>Soon gone, so that orders are rejected until the next delivery.</summary>
    private const decimal Scarce = 3_000;

    /// <summary>What comes with a delivery of what is scarce.</summary>
    public const decimal Delivery = 500;

    /// <summary>Codes of what imports bring.</summary>
    public static readonly IReadOnlyList<string> Imported = ["flour", "butter", "coffee"];

    /// <summary>Longer than any injury and what follows it; a caller who is not answered so long was let down.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private const int Connections = 32;

    private Shop(string name, GatewayClient client, Session session)
    {
        Name = name;
        Client = client;
        Session = session;
        Ledger = new Ledger(name);
    }

    public string Name { get; }

    public GatewayClient Client { get; }

    public Session Session { get; }

    public Guid Id => Session.OrganisationId;

    public Ledger Ledger { get; }

    public IReadOnlyList<Sellable> Menu { get; private set; } = [];

    public IReadOnlyList<Guid> Ingredients { get; private set; } = [];

    public Guid ScarceIngredient { get; private set; }

    public IReadOnlyList<Guid> Recipes { get; private set; } = [];

    public static async Task<Shop> Open(Uri gateway, string name, CancellationToken cancel)
    {
        var client = new GatewayClient(new Uri(gateway.AbsoluteUri.TrimEnd('/') + "/"), Connections, Patience, TimeProvider.System, TextWriter.Null);
        var organisation = new NewOrganisation(name, "GBP", "Europe/London", DayStartsAt: "04:00");
        var owner = new Registration($"chaos-{Guid.NewGuid():N}@example.org", "Correct-Horse-9", "Chaos", organisation);
        var session = await Session.Register(client, TimeProvider.System, owner, cancel);
        client.Session = session;
        var shop = new Shop(name, client, session);
        await shop.Furnish(cancel);
        return shop;
    }

    public void Dispose()
    {
        Session.Dispose();
        Client.Dispose();
    }

    private async Task Furnish(CancellationToken cancel)
    {
        var flour = await Ingredient("flour", "ingredient", "g", Plenty, cancel);
        var butter = await Ingredient("butter", "ingredient", "g", Plenty, cancel);
        var truffle = await Ingredient("truffle", "ingredient", "g", Scarce, cancel);
        var coffee = await Ingredient("coffee", "resale", "piece", Plenty, cancel);
        // Whole numbers throughout, so that what a sale takes needs no rounding.
        var dough = await Recipe("dough", 1_000, "g", [new { ingredientId = flour, quantity = 600 }, new { ingredientId = butter, quantity = 300 }], cancel);
        var croissant = await Recipe("croissant", 10, "piece", [new { recipeId = dough, quantity = 500 }], cancel);
        var cake = await Recipe("cake", 1, "piece", [new { ingredientId = flour, quantity = 150 }, new { ingredientId = truffle, quantity = 20 }], cancel);
        Ingredients = [flour, butter, truffle, coffee];
        ScarceIngredient = truffle;
        Recipes = [dough, croissant, cake];
        Menu =
        [
            await Item("croissant", "recipe", croissant, 220, new Dictionary<Guid, decimal> { [flour] = 30, [butter] = 15 }, cancel),
            await Item("cake", "recipe", cake, 900, new Dictionary<Guid, decimal> { [flour] = 150, [truffle] = 20 }, cancel),
            await Item("coffee", "resale", coffee, 180, new Dictionary<Guid, decimal> { [coffee] = 1 }, cancel),
            await Item("wrapping", "service", null, 50, new Dictionary<Guid, decimal>(), cancel),
        ];
    }

    private Task<Guid> Ingredient(string code, string kind, string unit, decimal openingStock, CancellationToken cancel) => Create(
        "ingredients", new { code, name = code, category = "chaos", kind, unit, openingStock, reorderPoint = 0, usageRate = 0, unitCostMinor = 0.1m }, cancel);

    private Task<Guid> Recipe(string code, decimal yieldQuantity, string yieldUnit, object[] lines, CancellationToken cancel) =>
        Create("recipes", new { code, name = code, yieldQuantity, yieldUnit, lines }, cancel);

    private async Task<Sellable> Item(
        string code, string kind, Guid? targetId, long priceMinor, Dictionary<Guid, decimal> needs, CancellationToken cancel)
    {
        var body = new { code, name = code, kind, targetId, piecesPerSale = 1, priceMinor, currency = "GBP", taxClass = "zero" };
        return new(await Create("menu", body, cancel), priceMinor, needs);
    }

    private async Task<Guid> Create(string path, object body, CancellationToken cancel)
    {
        var answer = await Client.Post(path, body, cancel);
        return answer.IsSuccess ? answer.Read<Created>().Id : throw answer.Failure($"{Name}: {path}");
    }

    private sealed record Created(Guid Id);
}
