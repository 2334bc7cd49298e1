using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Npgsql;
using OpsPlatform.Contracts;
using OpsPlatform.Testing;

namespace OpsPlatform.Orders.Tests;

/// <summary>One organisation of a test's own, seen from its till.</summary>
public sealed class Shop(OrdersFixture fixture, Guid org)
{
    public Guid Org => org;

    public HttpClient Till { get; } = fixture.Client(org);

    public HttpClient As(string role) => fixture.Client(org, role);

    public async Task<Guid> Item(
        string kind = "recipe", long priceMinor = 250, decimal piecesPerSale = 1, string currency = "GBP", Guid? targetId = null, string? code = null)
    {
        var item = await Created(await Till.PostAsJsonAsync("/menu", new
        {
            code = code ?? $"item-{Guid.NewGuid():N}",
            name = $"A {kind}",
            kind,
            targetId = kind == "service" ? (Guid?)null : targetId ?? Guid.NewGuid(),
            piecesPerSale,
            priceMinor,
            currency,
            taxClass = "standard",
        }));
        return (Guid)item["id"]!;
    }

    /// <summary>Places an order of one piece of each item.</summary>
    public async Task<Guid> Order(params Guid[] items)
    {
        var order = await Created(await Till.PostAsJsonAsync("/orders", new { lines = Lines(items) }));
        return (Guid)order["id"]!;
    }

    /// <summary>Places an order of one recipe and asks for its confirmation.</summary>
    public async Task<Guid> ConfirmingOrder()
    {
        var answer = await Till.PostAsJsonAsync("/orders", new { confirm = true, lines = Lines(await Item()) });
        answer.StatusCode.ShouldBe(HttpStatusCode.Accepted);
        return (Guid)(await Body(answer))["id"]!;
    }

    public async Task<Guid> ConfirmedOrder()
    {
        var order = await ConfirmingOrder();
        await Say(new StockConsumed(order, []));
        await Becomes(order, "confirmed");
        return order;
    }

    public static object[] Lines(params Guid[] items) => [.. items.Select(item => new { menuItemId = item, quantity = 1 })];

    /// <summary>What Inventory says.</summary>
    public Task Say<T>(params T[] messages)
        where T : class => fixture.Broker.Publish(org, messages);

    /// <summary>Returns when Orders has applied all StockConsumed, StockRefused or StockRestored sent before; each type has one queue, taken in order.</summary>
    public async Task AllHeard<T>(Func<Guid, T> about)
        where T : class
    {
        var typeName = typeof(T).Name;
        var order = typeName == nameof(StockRestored) ? await CancellingOrder() : await ConfirmingOrder();
        await Say(about(order));
        var end = typeName switch { nameof(StockConsumed) => "confirmed", nameof(StockRefused) => "rejected", _ => "cancelled" };
        await Becomes(order, end);
    }

    public async Task<Guid> CancellingOrder()
    {
        var order = await ConfirmingOrder();
        (await Post(order, "cancel")).StatusCode.ShouldBe(HttpStatusCode.Accepted);
        return order;
    }

    public Task<JsonNode> Becomes(Guid order, string status) =>
        Eventually.Is(() => Get(order), body => (string)body["status"]! == status);

    public async Task<JsonNode> Get(Guid order) => await Body(await Till.GetAsync($"/orders/{order}"));

    public async Task<string> Status(Guid order) => (string)(await Get(order))["status"]!;

    public Task<HttpResponseMessage> Post(Guid order, string action, int? waitSeconds = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, $"/orders/{order}/{action}");
        return Send(request, waitSeconds);
    }

    public Task<HttpResponseMessage> Place(object body, int? waitSeconds = null) =>
        Send(new HttpRequestMessage(HttpMethod.Post, "/orders") { Content = JsonContent.Create(body) }, waitSeconds);

    public async Task<long> Count(string table)
    {
        await using var connection = await fixture.OpenAs("app", org);
        await using var command = new NpgsqlCommand($"SELECT count(*) FROM {table}", connection);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    public static async Task<JsonNode> Body(HttpResponseMessage answer) =>
        JsonNode.Parse(await answer.Content.ReadAsStringAsync()) ?? throw new InvalidOperationException("The answer has no body.");

    public static async Task<JsonNode> Created(HttpResponseMessage answer)
    {
        var text = await answer.Content.ReadAsStringAsync();
        answer.StatusCode.ShouldBe(HttpStatusCode.Created, text);
        return JsonNode.Parse(text)!;
    }

    /// <summary>The answer must be that refusal.</summary>
    public static async Task<JsonNode> Refused(HttpResponseMessage answer, int status, string slug)
    {
        var text = await answer.Content.ReadAsStringAsync();
        ((int)answer.StatusCode).ShouldBe(status, text);
        answer.Content.Headers.ContentType!.MediaType.ShouldBe("application/problem+json");
        var problem = JsonNode.Parse(text)!;
        ((string)problem["type"]!).ShouldBe($"https://opsplatform.dev/problems/{slug}");
        return problem;
    }

    private Task<HttpResponseMessage> Send(HttpRequestMessage request, int? waitSeconds)
    {
        if (waitSeconds is not null)
        {
            request.Headers.Add("Prefer", $"wait={waitSeconds}");
        }

        return Till.SendAsync(request);
    }
}
